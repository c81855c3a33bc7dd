// Keeps the numbers current. When the socket ends (a new release, a lost network) it comes back:
// at once the first time, then ever slower, up to ten seconds.
"use strict";

const number = new Intl.NumberFormat(document.documentElement.lang, {
  minimumFractionDigits: 1, maximumFractionDigits: 1,
});
const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const dot = document.querySelector("[data-live]");
let wait = 0;

function show(level) {
  const card = document.querySelector(`[data-station="${CSS.escape(level.slug)}"]`);
  const cell = card && card.querySelector("[data-level]");
  if (!cell || level.level_cm === null) return;
  const text = number.format(level.level_cm);
  if (cell.textContent === text) return;
  cell.textContent = text;
  cell.classList.add("moved");
  setTimeout(() => cell.classList.remove("moved"), 800);
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/levels`);
  socket.onopen = () => { wait = 0; dot.classList.add("open"); };
  socket.onmessage = (event) => {
    const river = JSON.parse(event.data);
    river.levels.forEach(show);
    const observed = document.querySelector("[data-observed]");
    if (observed && river.observed_at) {
      observed.dateTime = river.observed_at;
      observed.textContent = clock.format(new Date(river.observed_at));
    }
  };
  socket.onclose = () => {
    dot.classList.remove("open");
    setTimeout(connect, wait + Math.random() * 200);
    wait = Math.min(10000, wait * 2 + 500);
  };
}

connect();
