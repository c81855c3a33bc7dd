"""The agent: it looks when it is woken and on a clock, and brings every place to what is
wanted there. All it knows is in the world, in marks and in the deploy repo, so it may be
killed and started again at any moment; running copies do not notice.
"""

import contextlib
import os
import pwd
import signal
import socket
import sys
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event

from fairlead import __version__
from fairlead.access.command import PUSH
from fairlead.agent.asked import Asked, GitAsked, Hail, answer, git, hello
from fairlead.agent.door import Asking, Door, Guest
from fairlead.agent.receive import Question, post_receive, pre_receive
from fairlead.base.clock import seconds_of
from fairlead.base.errors import Busy, FairleadError
from fairlead.base.ids import Place
from fairlead.base.journal import Event as Said
from fairlead.base.journal import Fact, Outcome, Verb
from fairlead.base.paths import GIT_USER, Home
from fairlead.base.stop import Stop
from fairlead.base.trees import remove_tree
from fairlead.base.wake import wake
from fairlead.checks.ports import Sink
from fairlead.plan.drift import Item
from fairlead.plan.model import JobState
from fairlead.record.flow import head_of, unclosed
from fairlead.record.model import Entry
from fairlead.service import access, drift
from fairlead.service.certificates import tend
from fairlead.service.clean import clean
from fairlead.service.places import Left, Rest, anchor, reconcile
from fairlead.service.source import look
from fairlead.service.taken_up import moved, take_up
from fairlead.service.tools import Tools
from fairlead.source.model import Source

EVERY = 5.0
"""Seconds between two looks when nothing wakes it."""

SOON = 0.2
"""Seconds until the next look at a place that is moving."""

WIDTH = 4
"""How many places and builds are worked on at once."""


def _age(entry: Entry) -> float:
    return time.time() - seconds_of(entry.at)


def sweep(work: Path) -> None:
    """Remove the trees that checks and builds left when they were killed, a day ago or more."""
    for left in work.glob("*") if work.is_dir() else ():
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > _DAY:
                remove_tree(left)


_DAY = 86_400.0
_DAILY = "clean"
_CERTIFICATE = "certificate"
_SOURCE = "source"
_NUDGE = b"turn"
_MOVES_WITHIN = 1.0
_OURS = (Verb.STEP, Verb.BUILD, Verb.VERIFY, Verb.RENEW)
_PEOPLES = (Verb.PUSH, Verb.ACCESS, Verb.SERVER)


def _of_source(key: Hashable) -> bool:
    return isinstance(key, tuple) and not isinstance(key, Place) and key[0] == _SOURCE


def guest_of(home: Home) -> Guest | None:
    """Whom people's keys log in as, on a server."""
    try:
        found = pwd.getpwnam(GIT_USER) if home.server else None
    except KeyError:
        found = None
    return Guest(found.pw_uid, found.pw_gid) if found else None


class Agent:
    """One home's agent. One look at a place, or one app's pushes, at a time."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._pool = ThreadPoolExecutor(WIDTH, thread_name_prefix="agent")
        # An authority may be slow: no rollout waits behind it.
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="certificates")
        # So may a forge.
        self._forges = ThreadPoolExecutor(2, thread_name_prefix="sources")
        self._busy: dict[Hashable, Future[None]] = {}
        # A start is no time to clean up: the first time is tomorrow.
        self._due: dict[Hashable, float] = {_DAILY: time.time() + _DAY}
        self._said: dict[Hashable, str] = {}
        self._settled: dict[Place, str] = {}
        self._drift: dict[Place, tuple[Item, ...]] = {}
        self._ended = Event()
        self._anchored = 0
        self._guest: Guest | None = None

    def run(self) -> None:
        """Work until SIGTERM. What is under way is carried on by the next agent."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        self._begin()
        self._guest = guest_of(self._tools.home)
        Door(self._tools.home.agent_door, self._asked, self._guest).open()
        with self._socket() as ear:
            while not self._ended.is_set():
                self._turn()
                self._wait(ear)
        # Threads in the middle of a rollout are not waited for: everything they have done
        # is marked, and the next agent carries on.
        os._exit(0)

    def _end(self) -> None:
        self._ended.set()
        self._nudge()

    def _asked(self, question: Asking, say: Sink, stop: Stop) -> int:
        """What is asked at the door, in a thread of the door's."""
        if isinstance(question, Hail):
            return hello(say)
        if isinstance(question, GitAsked):
            return git(self._tools, question)
        if isinstance(question, Asked):
            return answer(self._tools, question, say, stop)
        if self._guest and question.asker == self._guest.uid:
            access.refuse_unless(self._tools, question.who, PUSH, question.app)
        if question.hook == "pre-receive":
            code = pre_receive(self._tools, question, say, stop)
            if code == 0:
                self._pool.submit(self._received, question)
            return code
        wake(self._tools.home)
        return post_receive(self._tools, question, say, stop)

    def _received(self, question: Question) -> None:
        """Take the push up as soon as git has moved its branches: the hook that says so comes
        some 50 ms later."""
        limit = time.monotonic() + _MOVES_WITHIN
        while time.monotonic() < limit and not self._ended.is_set():
            if any(moved(self._tools, question.app, update) for update in question.updates):
                wake(self._tools.home)
                return
            time.sleep(0.005)

    def _nudge(self) -> None:
        """Let the loop see at once that something has become due."""
        wake(self._tools.home, _NUDGE)

    def _begin(self) -> None:
        """Close what died in the middle, and write down that an agent is here."""
        sweep(self._tools.home.work)
        for entry in unclosed(self._tools.store):
            # A migration goes on without us, and a rollout is carried on: both close their own.
            ours = entry.verb in _OURS and entry.text("step") != "migrate"
            ours = ours or (entry.verb == Verb.ROLLOUT and not self._goes_on(entry))
            # A push may be under way now; one that began a day ago was cut off.
            old = entry.verb in _PEOPLES and _age(entry) > _DAY
            if ours or old:
                self._tools.record.close_unknown(entry, "agent")
        facts: dict[str, Fact] = {"pid": os.getpid(), "version": __version__, "reason": "started"}
        self._tools.record.write(
            Said(Verb.AGENT, Outcome.DONE, "agent", "the agent started", facts=facts)
        )

    def _goes_on(self, entry: Entry) -> bool:
        """Whether a mark says that this rollout is under way, so that it is carried on."""
        place = Place(entry.app, entry.environment)
        jobs = self._tools.world.marks.read(place).jobs
        return any((j.intent, j.state) == (entry.seq, JobState.RUNNING) for j in jobs)

    def _socket(self) -> socket.socket:
        path = self._tools.home.agent_socket
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.bind(str(path))
        return ear

    def _turn(self) -> None:
        """Give work to every app and place that is due and not being worked on."""
        try:
            if self._tools.machine.ensure():
                self._machine_was_down()
            places = self._tools.places()
        except FairleadError as error:
            self._say("home", error)
            places = ()
        self._work(_DAILY, self._daily, _DAY)
        for app in self._tools.apps():
            self._work(("push", app), partial(self._pushes, app))
        for place in places:
            self._work(place, partial(self._place, place))
            self._work((_CERTIFICATE, place), partial(tend, self._tools, place), pool=self._slow)

        self._sources()

    def _sources(self) -> None:
        """Look at every source that is due. A wake makes none due: it is not about forges."""
        try:
            found = {(_SOURCE, s.app, s.set_at): s for s in self._tools.sources.all()}
        except FairleadError as error:
            self._say(_SOURCE, error)
            return
        for key in [key for key in list(self._due) if _of_source(key) and key not in found]:
            self._due.pop(key, None)
        for key, source in found.items():
            self._work(key, partial(self._source, key, source), _DAY, self._forges)

    def _source(self, key: Hashable, source: Source) -> None:
        self._due[key] = time.time() + look(self._tools, source.app)

    def _machine_was_down(self) -> None:
        """The supervisor died, and a fresh one knows no copies: those of the old one are
        orphans. They are ended before new ones start, so that no singleton runs twice."""
        for place in self._tools.places():
            for _ in range(2):  # asked to end, then made to
                for pid in self._tools.world.runtime.strays(place):
                    self._tools.world.runtime.end_stray(place, pid)
                self._tools.clock.sleep(0.5)
        if self._tools.machine.replace_agent():
            self._ended.set()  # the new supervisor starts another: this one is its orphan

    def _work(
        self,
        key: Hashable,
        do: Callable[[], object],
        every: float = EVERY,
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        running = self._busy.get(key)
        if running and not running.done():
            return
        if time.time() < self._due.get(key, 0.0):
            return
        self._due[key] = time.time() + every
        self._busy[key] = (pool or self._pool).submit(self._safely, key, do)

    def _safely(self, key: Hashable, do: Callable[[], object]) -> None:
        """No error ends the agent: it is said once, and the thing is tried again later."""
        try:
            do()
            self._said.pop(key, None)
        except Busy:
            self._due[key] = time.time() + SOON
        except FairleadError as error:
            self._say(key, error)
        except Exception as error:  # noqa: BLE001  a mistake of ours must not stop other places
            self._say(key, FairleadError(f"{type(error).__name__}: {error}", "report this"))
        if key not in self._due:  # woken meanwhile
            self._nudge()

    def _say(self, key: Hashable, error: FairleadError) -> None:
        """Into the log, and once into the record until it changes."""
        if self._said.get(key) == error.what:
            return
        self._said[key] = error.what
        sys.stderr.write(f"{key}: {error}\n")
        sys.stderr.flush()
        place = key if isinstance(key, Place) else Place("", "")
        app = key[1] if isinstance(key, tuple) and key[0] == "push" else place.app
        with contextlib.suppress(FairleadError):
            self._tools.record.write(
                Said(
                    Verb.AGENT,
                    Outcome.REFUSED,
                    "agent",
                    error.what,
                    str(app),
                    place.environment,
                    facts={"reason": error.what, "pid": os.getpid()},
                )
            )

    def _pushes(self, app: str) -> None:
        for place in take_up(self._tools, app, lambda line: None):
            self._due[place] = 0.0
        self._nudge()

    def _place(self, place: Place) -> None:
        left = reconcile(self._tools, place)
        if left.rest is Rest.MOVING:
            soonest = time.time() + SOON
            self._not_before(place, max(soonest, min(left.again_at, time.time() + EVERY)))
            self._nudge()
        elif left.again_at:
            self._not_before(place, min(self._due.get(place, left.again_at), left.again_at))
        if left.rest in (Rest.SETTLED, Rest.HALTED):
            self._rest(place, left)

    def _not_before(self, place: Place, at: float) -> None:
        """Look again then; at once if the agent was woken while it looked."""
        if place in self._due:
            self._due[place] = at

    def _daily(self) -> None:
        """Clean up what no kept release needs, and pack the deploy repo."""
        clean(self._tools)
        self._tools.deploy.repo.tidy()

    def _rest(self, place: Place, left: Left) -> None:
        """Once a place has come to rest: look for drift, and anchor what was written."""
        drift.note(self._tools, place, self._drift)
        head = head_of(self._tools.store).seq
        if self._settled.get(place) != left.sentence or head - self._anchored > 100:
            self._settled[place] = left.sentence
            self._anchored = head
            anchor(self._tools)

    def _wait(self, ear: socket.socket) -> None:
        now = time.time()
        soonest = min([*self._due.values(), now + EVERY])
        ear.settimeout(max(0.02, soonest - now))
        with contextlib.suppress(TimeoutError):
            if ear.recv(64) != _NUDGE:
                due = list(self._due.items())
                self._due = {key: at for key, at in due if key == _DAILY or _of_source(key)}
