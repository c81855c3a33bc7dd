"""The port Proxy on a real nginx. docs/decisions/0103-nginx.md says why so."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, Refused, Unknown
from fairlead.base.ids import Place
from fairlead.drivers import _counts
from fairlead.drivers._connections import NET, UNIX, connections
from fairlead.drivers._listen import claims, collide, refusal
from fairlead.drivers._live import LIVE, Live, framed
from fairlead.drivers._nginx import parse
from fairlead.drivers.nginx import render
from fairlead.drivers.nginx.certificates import Certificates, Choose
from fairlead.drivers.nginx.files import Files
from fairlead.drivers.nginx.program import Installed, Program
from fairlead.drivers.nginx.shared import SHARED, shared_file
from fairlead.drivers.nginx.slots import SlotLinks
from fairlead.rollout.ports import Counters, Site, SiteSeen

PROOFS = "proofs"
IPV6 = NET / "if_inet6"
ANY = "0.0.0.0"  # noqa: S104  it is only asked whether somebody listens there


def directory_of(state: Path, place: Place) -> Path:
    """A place's own directory below ``state``: short, for sockets are named in it."""
    return state / hashlib.sha256(str(place).encode()).hexdigest()[:10]


class Nginx:
    """The nginx of a machine, which somebody else keeps running.

    ``state`` is a directory of ours that nginx's workers must be able to enter; sockets are
    named below it, so its path must be short (``render.check``). ``shelf`` is where certificates
    lie that this machine gets by itself.
    """

    def __init__(self, installed: Installed, state: Path, shelf: Path) -> None:
        self._state = state.resolve()  # as the kernel names what a worker has open
        self._certificates = Certificates(shelf.resolve())
        self._program = Program(installed)
        self._files = Files(installed, self._program, self._state / "lock")

    def sites(self, place: Place) -> tuple[SiteSeen, ...]:
        """What it serves at a place: our file, whether nginx runs that, and the slots it reads."""
        self._program.master()
        text = self._files.text(render.file_name(place))
        roles = self._roles(place, text)
        wanted = self._rendered(place, self._given(place, roles), text, self._certificates.named)
        whole = text == wanted and self._runs(place, wanted) and self._shared_is_whole()
        return tuple(self._seen(place, role, text, whole) for role in roles)

    def put(self, site: Site, now: float) -> None:
        """Switch to exactly this.

        In nearly every case that is one rename, and connections to a copy that begin after
        it go nowhere else. Only where a role, its address, name, path or limit comes or goes
        nginx is told, which comes first and may be refused: then nothing has changed.
        """
        self._program.master()
        live = self._live(site.place, site.role)
        render.check(site, str(live.directory))
        self._make(site.place, now)
        with self._files.changing():
            self._configure(site)
            self._frame_others(site)
        given = live.dated(site, now)
        if not live.whole(given):
            live.switch(given)

    def _frame_others(self, site: Site) -> None:
        """The place's other roles are now served where this one is, and by its names."""
        text = self._files.text(render.file_name(site.place))
        for role in self._roles(site.place, text):
            other = self._live(site.place, role)
            given = other.given()
            if role != site.role and given and framed(given.site, site) != given.site:
                other.switch(msgspec.structs.replace(given, site=framed(given.site, site)))

    def holders(self, names: Collection[str]) -> Mapping[str, Place]:
        """Which place has each of these names."""
        return {name: s.place for s in self._all() for name in names if name in s.names}

    def refresh(self, place: Place) -> bool:
        """Take the certificates that are there now, by the one acknowledged reload; a site that
        was edited is left to the plan."""
        self._program.master()
        with self._files.changing():
            text = self._files.text(render.file_name(place))
            sites = self._given(place, self._roles(place, text))
            if not text or text != self._rendered(place, sites, text, self._certificates.named):
                return False
            wanted = self._rendered(place, sites, text, self._certificates.newest)
            if wanted == text:
                return False
            self._change(place, wanted)
            return True

    def remove(self, place: Place, role: str) -> None:
        """Stop serving a role; a place without roles has no file."""
        self._program.master()
        if not self._directory(place).exists():
            return
        with self._files.changing():
            text = self._files.text(render.file_name(place))
            others = [other for other in self._roles(place, text) if other != role]
            if text and role in self._roles(place, text):
                sites = self._given(place, others)
                self._change(place, self._rendered(place, sites, text, self._certificates.newest))
        self._live(place, role).remove()

    def in_flight(self, place: Place) -> Mapping[str, int]:
        """Connections to copies, as the kernel counts them: nginx keeps none without a request."""
        self._program.master()
        if not (NET / "unix").exists():
            raise Unknown("the kernel does not say who is connected: /proc/net/unix is missing")
        roles = [path for path in self._directory(place).glob("*/") if not path.is_symlink()]
        known = frozenset[str]().union(*(Live(p, SlotLinks()).addresses() for p in roles))
        return dict(connections(known))

    def counters(self, place: Place) -> Counters:
        """Requests and answers of 5xx since the place was first served."""
        self._program.master()
        return _counts.read(self._directory(place))

    def _directory(self, place: Place) -> Path:
        return directory_of(self._state, place)

    def _live(self, place: Place, role: str) -> Live:
        return Live(self._directory(place) / role, SlotLinks())

    def _make(self, place: Place, now: float) -> None:
        directory = self._directory(place)
        try:
            for path in (self._state, directory):
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(0o755)
            _counts.begin(directory, now)
        except OSError as error:
            raise FairleadError(f"the proxy's directory cannot be made: {error}") from error

    def _roles(self, place: Place, text: str) -> list[str]:
        """The roles that a file serves: those whose switch it names."""
        directory = re.escape(self._directory(place).name)
        return sorted(set(re.findall(rf"/{directory}/([a-z0-9-]+)/{LIVE}\b", text)))

    def _given(self, place: Place, roles: Sequence[str]) -> list[Site]:
        return [found.site for role in roles if (found := self._live(place, role).given())]

    def _rendered(self, place: Place, sites: Sequence[Site], held: str, choose: Choose) -> str:
        """The place's file as it should be. A role once served by port stays so: what is read
        by name serves sockets too, and one switch less needs a reload."""
        if not sites:
            return ""
        chosen, proofs = choose(sites[0], held), self._proofs(sites[0])
        roles = [
            render.Role(
                site,
                str(self._live(place, site.role).directory),
                f"/{site.role}/{LIVE}/{render.PICK}/" in held
                or any(not upstream.address.startswith(UNIX) for upstream in site.upstreams),
                chosen,
                proofs,
                IPV6.exists(),
            )
            for site in sites
        ]
        return render.place_file(place, str(self._directory(place)), roles)

    @property
    def proofs(self) -> Path:
        """Below it lie the files by which ACME proves a name (RFC 8555, 8.3)."""
        return self._state / PROOFS

    def _proofs(self, site: Site) -> str:
        return str(self.proofs) if site.tls and not site.tls.certificate else ""

    def _runs(self, place: Place, text: str) -> bool:
        directory = str(self._directory(place))
        return self._program.runs(render.mark_of(text, directory), directory)

    def _shared_is_whole(self) -> bool:
        return self._files.text(SHARED) == shared_file()

    def _seen(self, place: Place, role: str, text: str, whole: bool) -> SiteSeen:
        live = self._live(place, role)
        given = live.given()
        if given is None:
            return SiteSeen(Site(place, role, _listen(text), "/", ()), 0.0, _print(text, live))
        if whole and live.whole(given):
            return SiteSeen(given.site, given.since)
        site = live.served(given.site)
        if not whole:
            site = msgspec.structs.replace(site, listen=_listen(text))
        return SiteSeen(site, given.since, _print(text, live))

    def _configure(self, site: Site) -> None:
        place = site.place
        held = self._files.text(render.file_name(place))
        others = self._given(place, [r for r in self._roles(place, held) if r != site.role])
        sites = [*(framed(other, site) for other in others), site]
        wanted = self._rendered(place, sites, held, self._certificates.newest)
        if wanted == held and self._shared_is_whole() and self._runs(place, wanted):
            return
        self._refuse_shared(site)
        self._refuse_taken(site)
        self._change(place, wanted)

    def _change(self, place: Place, wanted: str) -> None:
        directory = self._directory(place)
        mark = render.mark_of(wanted, str(directory))
        texts = {SHARED: shared_file(), render.file_name(place): wanted}
        self._files.change(texts, lambda: self._program.reload(mark, str(directory)))
        for path in directory.glob(f"{render.RUNNING}*"):
            if str(path) != mark:
                path.unlink(missing_ok=True)

    def _all(self) -> list[Site]:
        """Every site that was given, of every place."""
        found = (Live(path.parent, SlotLinks()).given() for path in self._state.glob(f"*/*/{LIVE}"))
        return [given.site for given in found if given]

    def _refuse_shared(self, site: Site) -> None:
        for other in self._all():
            taken = collide(site, other) if other.place != site.place else ""
            if taken:
                raise Refused(
                    f"{site.place} cannot have {taken}: {other.place} has it",
                    f"give environment.{site.place.environment} another in fairlead.toml, or take "
                    f"it from {other.place} first",
                )

    def _refuse_taken(self, site: Site) -> None:
        """nginx's test does not tell that another program listens there; its reload fails."""
        held = self._program.ports()
        for listen, _ in claims(site):
            reason = int(listen.rpartition(":")[2]) not in held and refusal(_bound(listen))
            if reason:
                raise Refused(
                    f"{site.place} cannot listen on {listen}: {reason}",
                    f"see who does with `ss -ltnp`, or set another `listen` for "
                    f"environment.{site.place.environment} in fairlead.toml",
                )


def _bound(listen: str) -> str:
    """An address as bind(2) knows it."""
    return listen.replace("*", ANY) if listen.startswith("*") else listen


def _listen(text: str) -> str:
    """Where the first server of a file listens, in its own words."""
    for directive in parse(text):
        for inside in directive.block if directive.words == ("server",) else ():
            if inside.words[:1] == ("listen",) and len(inside.words) > 1:
                return inside.words[1]
    return ""


def _print(text: str, live: Live) -> str:
    """Names what nginx holds, so that another change of it has another name."""
    held = "\n".join([text, *live.slots()])
    return hashlib.sha256(held.encode(errors="surrogateescape")).hexdigest()[:16]
