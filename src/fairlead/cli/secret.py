"""``fairlead secret``: set, unset, list; and the key of all of them."""

import sys
from pathlib import Path

import click

from fairlead.base.errors import NotFound, UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.cli import words
from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper, Piece
from fairlead.cli.places import PLACE
from fairlead.cli.watching import ended, watch
from fairlead.record.flow import head_of
from fairlead.secrets.dotenv import parse
from fairlead.secrets.rules import LONGEST
from fairlead.service import secret_key, secrets
from fairlead.service.secret_key import KeyExported, KeyRotated, KeysSeen
from fairlead.service.secrets import SecretLine, SecretList, SecretsSet


@click.group("secret", cls=Verbs)
def secret() -> None:
    """Secrets of a place: set, unset, list; and their key.

    They lie sealed in the deploy repo, names readable, and reach the processes of a release in
    their environment. No command shows a value again.
    """


secret.examples = (
    "fairlead secret set riverside/production DJANGO_SECRET_KEY",
    "fairlead secret list riverside/production",
)


@verb(
    "set",
    "fairlead secret set riverside/production DJANGO_SECRET_KEY",
    "openssl rand -base64 48 | fairlead secret set riverside/production DJANGO_SECRET_KEY",
    "fairlead secret set riverside/production TLS_KEY --file key.pem",
    "fairlead secret set riverside/production --from-file .env",
    under=secret,
)
@click.argument("place", type=PLACE)
@click.argument("names", metavar="NAME", nargs=-1)
@click.option("--file", "file", default="", metavar="FILE", help="The value is what FILE holds.")
@click.option("--from-file", "many", default="", metavar="FILE", help="NAME=value lines (.env).")
@click.option("--instead", is_flag=True, help="In the place of the plain setting of that name.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")
def set_(
    door: Door,
    place: str,
    names: tuple[str, ...],
    file: str,
    many: str,
    instead: bool,
    why: str,
    no_wait: bool,
) -> int:
    """Seal a value, and release with it.

    The value is asked for on a terminal, else read from standard input, or from a file; it is
    never an argument, which every user of the machine could read. One newline at its end is
    not part of it. The artifact that serves becomes a new release with it, and is rolled out.
    """
    values = _values(names, file, many, place)
    tools, since = door.tools, head_of(door.tools.store).seq
    meant = _place(door, place)
    done = secrets.set_secrets(tools, meant, values, why, instead=instead)
    return _follow(door, meant, done, since, wait=not no_wait)


@verb("unset", "fairlead secret unset riverside/production OLD_API_TOKEN", under=secret)
@click.argument("place", type=PLACE)
@click.argument("names", metavar="NAME…", nargs=-1)
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")
def unset(door: Door, place: str, names: tuple[str, ...], why: str, no_wait: bool) -> int:
    """Take a secret away, and release without it.

    Its versions stay sealed: a release that names one can still be gone back to.
    """
    since, meant = head_of(door.tools.store).seq, _place(door, place)
    done = secrets.unset_secrets(door.tools, meant, names, why)
    return _follow(door, meant, done, since, wait=not no_wait)


@verb("list", "fairlead secret list", "fairlead secret list riverside/production", under=secret)
@click.argument("place", default="", type=PLACE)
def list_(door: Door, place: str) -> None:
    """Names, versions, since when and by whom; never a value."""
    door.show(secrets.listed(door.tools, _place(door, place)), write)


@click.group("key", cls=Verbs)
def key() -> None:
    """The key of all secrets: show, rotate, export, import.

    It lies in the home, under keys, and nowhere else. Whoever loses it loses every value; what
    runs runs on, and each secret has to be set again. So export it, and keep the file apart
    from the machine.
    """


key.examples = ("fairlead secret key export recovery.txt", "fairlead secret key rotate")
secret.add_command(key)


@verb("show", "fairlead secret key show", under=key)
def key_show(door: Door) -> int:
    """The ids of the keys, and whether they open every value; exits with 1 when not."""
    return _seen(door, secret_key.seen(door.tools))


@verb(
    "rotate",
    'fairlead secret key rotate --why "a laptop was stolen"',
    "fairlead secret key rotate --without-lost",
    under=key,
)
@click.option("--without-lost", is_flag=True, help="Give up the values whose key is lost.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
def key_rotate(door: Door, without_lost: bool, why: str) -> None:
    """Seal every value, older versions too, with another key.

    No value changes, so nothing is rolled out. The old key is forgotten: an older commit of
    the deploy repo cannot be opened any more, nor anything new with an older recovery file.
    """
    door.show(secret_key.rotate(door.tools, why, without_lost=without_lost), _rotated)


@verb(
    "export",
    "fairlead secret key export recovery.txt",
    "fairlead secret key export recovery.age --to ~/.ssh/id_ed25519.pub",
    under=key,
)
@click.argument("file", metavar="FILE")
@click.option("--to", default="", metavar="KEY", help="Seal it: age1…, ssh-ed25519 …, or a file.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
def key_export(door: Door, file: str, to: str, why: str) -> None:
    """Write the recovery file: a copy of the key, for its owner.

    FILE must not be there yet, and is readable by its owner only. Sealed to a public key, it
    is opened by `age -d -i PRIVATE_KEY`. The record says who did it.
    """
    recipient = (
        to if to.startswith(("age1", "ssh-")) or not to else _read(str(Path(to).expanduser()))
    )
    done = secret_key.export(door.tools, Path(file).absolute(), why, recipient)
    door.show(done, _exported)


@verb(
    "import",
    "fairlead secret key import recovery.txt",
    "age -d -i ~/.ssh/id_ed25519 recovery.age | fairlead secret key import /dev/stdin",
    under=key,
)
@click.argument("file", metavar="FILE")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
def key_import(door: Door, file: str, why: str) -> int:
    """Bring the key back from a recovery file, on a new machine for example."""
    return _seen(door, secret_key.bring_back(door.tools, _read(file), why))


def _place(door: Door, text: str) -> Place:
    """Also a place that has no release yet: its first one may need a secret."""
    return secrets.place_to_be(door.tools, text) or door.place(text)


def _values(names: tuple[str, ...], file: str, many: str, place: str) -> dict[str, Secret]:
    """What is to be sealed, by name. No error shows an argument: it may be a value."""
    if many:
        if names or file:
            what = "--from-file names its secrets itself"
            raise UsageError(what, "leave out NAME and --file")
        return dict(parse(_read(many), many))
    if len(names) != 1:
        what = "one secret is set at a time" if names else "no secret is named"
        raise UsageError(what, f"fairlead secret set {place} NAME asks for its value")
    name, equals, _ = names[0].partition("=")
    if equals:
        what = f"a value is no argument, everybody can read those: {name}=…"
        hint = f"choose another value now, and give it to: fairlead secret set {place} {name}"
        raise UsageError(what, hint)
    return {name: Secret(_without_newline(_read(file) if file else _asked(name)))}


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        return _text(sys.stdin.buffer.read(_MOST), "standard input")
    prompt = f"the value of {name} (it is not shown)"
    given: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
    return given


_MOST = 64 * LONGEST
"""Bytes. A whole .env may be longer than one value; a disk image is a slip of the hand."""


def _read(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            return _text(stream.read(_MOST), file)
    except OSError as error:
        raise NotFound(f"it cannot be read: {file}: {error.strerror}", f"ls -l {file}") from None


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"not UTF-8 text: {where}", "encode it, as base64 for example") from None


def _without_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _follow(door: Door, place: Place, done: SecretsSet, since: int, *, wait: bool) -> int:
    if not done.revision:
        door.show(done, _set)
        return 0
    door.say(f"{place}: {', '.join(done.changed) or 'as before'}: in release {done.release}")
    door.tools.machine.wake()
    return ended(door, watch(door, place, done.revision, since, wait=wait))


def _seen(door: Door, view: KeysSeen) -> int:
    door.show(view, keys)
    return 1 if view.lost else 0


def _set(paper: Paper, view: SecretsSet) -> None:
    if view.changed:
        paper.line(f"{view.place}: {', '.join(view.changed)}: sealed by {view.commit[:7]}")
        paper.line("nothing is desired here yet: they come with the next release")
    else:
        paper.line(f"{view.place}: nothing changed; what is desired has these values already, or")
        paper.line("they come with the next release")


def write(paper: Paper, view: SecretList) -> None:
    """One line a secret."""
    if not view.secrets:
        paper.line(f"{view.place} has no secrets")
        return
    rows = [_row(paper, line) for line in view.secrets]
    paper.table(rows, ["name", "version", "set", "by", ""])


def _row(paper: Paper, line: SecretLine) -> list[Piece]:
    if not line.version:
        state: Piece = ("has no value", "bad") if line.needed else ("unset", "dim")
        return [line.name, "-", "", "", state]
    at = (words.clock(line.at, paper.now), "dim")
    same = line.version == line.in_release
    was = f"the release has version {line.in_release}" if line.in_release else "in no release yet"
    return [line.name, str(line.version), at, line.who, "" if same else (was, "warn")]


def keys(paper: Paper, view: KeysSeen) -> None:
    """The keys, newest first, and what does not open."""
    if not view.keys:
        paper.line("there is no key here: nothing was sealed yet, or it is lost")
    for at, one in enumerate(view.keys):
        paper.line(one, "" if at else ("  seals from now on", "dim"))
    opened = view.values - len(view.lost)
    values, places = words.counted(view.values, "value"), words.counted(view.places, "place")
    paper.line((f"{opened} of {values} in {places} open", "bad" if view.lost else "good"))
    for one in view.lost:
        paper.line(("does not open: ", "bad"), one, indent=2)


def _rotated(paper: Paper, view: KeyRotated) -> None:
    paper.line(f"everything is sealed with key {view.key} now ({view.revision[:7]})")
    for one in view.lost:
        paper.line(("given up: ", "warn"), one, indent=2)
    paper.line("recovery files made before open none of it: fairlead secret key export FILE")


def _exported(paper: Paper, view: KeyExported) -> None:
    paper.line(f"{view.file}: {words.counted(len(view.keys), 'key')}, readable by you only")
    whose = "the private key it is sealed to" if view.sealed else "it"
    paper.line(f"Whoever has {whose} can open every secret: keep it apart from this machine.")
