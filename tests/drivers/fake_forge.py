"""A forge that is not there: a real HTTP server on loopback that speaks the documented protocols.

It keeps statuses and comments as the four forges do, and refuses what they refuse: a wrong token,
a name or a field that is not of its form, a state that does not follow from the one before. What
else may happen to a request is put into ``faults``.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "tok-3f9a"
REPOSITORY = "team/shop"
COMMIT = "3f" * 20
NUMBER = 42  # of the repository, which is a name for it too at GitLab
ME = 7


@dataclass
class Fault:
    """One answer instead of the forge's own to the next request of method ``on`` (any: "").
    Status 0 hangs up. ``after``: it is done first, and its answer lost on the way."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "so it is"}'
    after: bool = False
    on: str = ""


@dataclass
class Note:
    id: int
    author: int
    text: str
    machine: bool = False
    gone: bool = False


@dataclass
class State:
    """What the forge knows. ``commits`` are those it has; ``speaks``: the token speaks for a person
    who may ask who that is."""

    speaks: bool = True
    commits: set[str] = field(default_factory=lambda: {COMMIT})
    statuses: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    page: int = 100

    def by_others(self, *texts: str, machine: bool = False) -> None:
        for text in texts:
            self.notes.append(Note(len(self.notes) + 1, 99, text, machine))

    def shown(self) -> list[str]:
        return [note.text for note in self.notes if not note.gone]


Answer = tuple[int, Any, dict[str, str]]


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.answer: Answer = (status, {"message": message}, {})


def need(fact: bool, status: int, message: str) -> None:
    if not fact:
        raise Refused(status, message)


class GitHub:
    """Also Forgejo, whose paths are below /api/v1 and whose token has another scheme."""

    SCHEME, BASE, LISTED = "Bearer", "", True
    LONGEST, BODY = 140, "body"

    def __init__(self, state: State) -> None:
        self.state = state

    def header(self) -> tuple[str, str]:
        return "authorization", f"{self.SCHEME} {TOKEN}"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if (method, path) == ("GET", f"{self.BASE}/user"):
            need(self.state.speaks, 403, "Resource not accessible by integration")
            return 200, {"id": ME}, {}
        start = f"{self.BASE}/repos/{REPOSITORY}/"
        need(path.startswith(start), 404, "Not Found")
        rest = path.removeprefix(start)
        if (method, rest.partition("/")[0]) == ("POST", "statuses"):
            return self.status(body, rest.rpartition("/")[2])
        if rest == "issues/12/comments":
            return self.add(body) if method == "POST" else self.listed(path, query)
        need(method == "PATCH" and rest.startswith("issues/comments/"), 404, "Not Found")
        return self.change(int(rest.rpartition("/")[2]), body)

    def status(self, body: Any, commit: str) -> Answer:
        need(commit in self.state.commits, 422, f"No commit found for SHA: {commit}")
        states = ("error", "failure", "pending", "success")
        need(body["state"] in states, 422, "Validation Failed: state")
        need(len(body["description"]) <= self.LONGEST, 422, "description is too long")
        self.state.statuses.append({**body, "sha": commit})
        return 201, {"id": 1}, {}

    def author(self) -> int:
        return ME

    def add(self, body: Any) -> Answer:
        text = body["body"]
        need(0 < len(text) <= 65536, 422, "Body is too long")
        note = Note(len(self.state.notes) + 1, ME, text, not self.state.speaks)
        self.state.notes.append(note)
        return 201, self.one(note), {}

    def change(self, number: int, body: Any) -> Answer:
        note = next((n for n in self.state.notes if n.id == number and not n.gone), None)
        need(note is not None, 404, "Not Found")
        assert note is not None
        need(note.author == ME, 403, "Must have admin rights to Repository.")
        note.text = body["body"]
        return 200, self.one(note), {}

    def one(self, note: Note) -> dict[str, Any]:
        kind = "Bot" if note.machine else "User"
        return {"id": note.id, "body": note.text, "user": {"id": note.author, "type": kind}}

    def listed(self, path: str, query: dict[str, str]) -> Answer:
        size = min(int(query.get("per_page", "30")), self.state.page)
        return self.paged([self.one(n) for n in self.state.notes if not n.gone], path, query, size)

    def paged(self, items: list[Any], path: str, query: dict[str, str], size: int) -> Answer:
        page = int(query.get("page", "1"))
        more = len(items) > page * size
        link = f'<{path}?per_page={size}&page={page + 1}>; rel="next", <x>; rel="last"'
        return 200, items[(page - 1) * size : page * size], {"Link": link} if more else {}


class Forgejo(GitHub):
    SCHEME, BASE, LONGEST = "token", "/api/v1", 10_000

    def one(self, note: Note) -> dict[str, Any]:
        return {"id": note.id, "body": note.text, "user": {"id": note.author}}


class GitLab(GitHub):
    BASE = "/api/v4"

    def header(self) -> tuple[str, str]:
        return "private-token", TOKEN

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if (method, path) == ("GET", f"{self.BASE}/user"):
            return 200, {"id": ME}, {}
        starts = [f"{self.BASE}/projects/{name}/" for name in (REPOSITORY, NUMBER)]
        start = next((start for start in starts if path.startswith(start)), "")
        need(start != "", 404, "404 Project Not Found")
        rest = path.removeprefix(start)
        if rest.startswith("statuses/"):
            return self.status(body, rest.rpartition("/")[2])
        if rest.startswith("repository/commits/") and rest.endswith("/statuses"):
            named = (rest.split("/")[2], query["name"])
            found = [one for one in self.state.statuses if (one["sha"], one["name"]) == named]
            return 200, [{"status": one["state"], "name": one["name"]} for one in found[-1:]], {}
        if rest == "merge_requests/12/notes":
            return self.add(body) if method == "POST" else self.listed(path, query)
        need(method == "PUT" and rest.startswith("merge_requests/12/notes/"), 404, "404 Not found")
        return self.change(int(rest.rpartition("/")[2]), body)

    def status(self, body: Any, commit: str) -> Answer:
        need(commit in self.state.commits, 404, "404 Commit Not Found")
        states = ("pending", "running", "success", "failed", "canceled", "skipped")
        need(body["state"] in states, 400, "state does not have a valid value")
        named = (commit, body["name"])
        every = self.state.statuses
        before = [one["state"] for one in every if (one["sha"], one["name"]) == named]
        same = before[-1:] == [body["state"]]
        need(not same, 400, f"Cannot transition status via :enqueue from :{body['state']}")
        self.state.statuses.append({**body, "sha": commit})
        return 201, {"id": 1}, {}

    def one(self, note: Note) -> dict[str, Any]:
        return {"id": note.id, "body": note.text, "author": {"id": note.author}, "system": False}


class Bitbucket(GitHub):
    BASE = "/2.0"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if (method, path) == ("GET", f"{self.BASE}/user"):
            need(self.state.speaks, 403, "This API is not accessible with this token")
            return 200, {"uuid": f"{{{ME}}}"}, {}
        start = f"{self.BASE}/repositories/{REPOSITORY}/"
        need(path.startswith(start), 404, "Not Found")
        rest = path.removeprefix(start)
        if rest.startswith("commit/") and rest.endswith("/statuses/build"):
            return self.status(body, rest.split("/")[1])
        if rest == "pullrequests/12/comments":
            given = {"body": body["content"]["raw"]} if body else None
            return self.add(given) if method == "POST" else self.listed(path, query)
        need(method == "PUT" and rest.startswith("pullrequests/12/comments/"), 404, "Not Found")
        return self.change(int(rest.rpartition("/")[2]), {"body": body["content"]["raw"]})

    def status(self, body: Any, commit: str) -> Answer:
        need(commit in self.state.commits, 404, "Commit not found")
        states = ("SUCCESSFUL", "FAILED", "INPROGRESS", "STOPPED")
        need(body["state"] in states, 400, "Bad request: state")
        need(body.get("url", "").startswith("https://"), 400, "Bad request: url: required")
        need(0 < len(body["key"]) <= 40, 400, "Bad request: key: longer than 40")
        self.state.statuses.append({**body, "sha": commit})
        return 201, body, {}

    def one(self, note: Note) -> dict[str, Any]:
        kind = "app_user" if note.machine else "user"
        user = {"uuid": f"{{{note.author}}}", "type": kind}
        return {"id": note.id, "content": {"raw": note.text}, "user": user, "deleted": note.gone}

    def listed(self, path: str, query: dict[str, str]) -> Answer:
        size, page = min(int(query["pagelen"]), self.state.page), int(query.get("page", "1"))
        items = [self.one(note) for note in self.state.notes]
        body: dict[str, Any] = {"values": items[(page - 1) * size : page * size]}
        if len(items) > page * size:
            body["next"] = f"{path}?pagelen={size}&page={page + 1}"
        return 200, body, {}


KINDS: dict[str, Callable[[State], GitHub]] = {
    "github": GitHub,
    "gitlab": GitLab,
    "bitbucket": Bitbucket,
    "forgejo": Forgejo,
}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection; a subclass has the state and the dialect."""

    protocol_version = "HTTP/1.1"
    state: State
    dialect: GitHub

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.state.asked.append(f"{self.command} {self.path}")
        fault = next((f for f in self.state.faults if f.on in ("", self.command)), None)
        if fault is None:
            status, found, headers = self._own(data)
            self._send(status, json.dumps(found).encode(), headers)
            return
        self.state.faults.remove(fault)
        if fault.after:
            self._own(data)
        self.close_connection = not fault.status  # hang up
        if fault.status:
            self._send(fault.status, fault.body, fault.headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def _own(self, data: bytes) -> Answer:
        name, value = self.dialect.header()
        if self.headers.get(name) != value:
            return 401, {"message": "Bad credentials"}, {}
        parts = urlsplit(self.path)
        query = {key: found[0] for key, found in parse_qs(parts.query).items()}
        body = json.loads(data) if data else None
        try:
            return self.dialect.answer(self.command, unquote(parts.path), query, body)
        except Refused as refused:
            return refused.answer

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815  # http.server's names


@contextmanager
def forge_of(kind: str) -> Iterator[tuple[str, State]]:
    """A running forge of that kind: the address of its API, and what it knows."""
    state = State()
    dialect = KINDS[kind](state)
    handler = type("Bound", (Handler,), {"state": state, "dialect": dialect})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{dialect.BASE}", state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
