"""Who may do what. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from fairlead.access.command import FETCH, PUSH
from fairlead.access.model import EVERY_APP, Grant, Key, Person, Right
from fairlead.base.errors import UsageError
from fairlead.base.ids import is_name

_LOOKS = (
    FETCH,
    "status",
    "releases",
    "plan",
    "drift",
    "logs",
    "trace",
    "changed",
    "record",
    "waivers",
)
# Who may push to the branch that an environment runs from decides what runs there.
_CHANGES = (PUSH, "rollback", "promote", "set", "revert", "adopt")
NEEDS: Mapping[str, Grant] = {
    **dict.fromkeys(_LOOKS, Grant.READ),
    **dict.fromkeys(_CHANGES, Grant.PUSH),
    "approve": Grant.ADMIN,
    "waive": Grant.ADMIN,
}
"""What each verb needs; one that is not here is nobody's."""


def may(actor: Person | None, verb: str, app: str) -> bool:
    """Whether somebody may do that to an app; ``app`` is "" for all that there is.

    None is somebody who is not known, and may nothing.
    """
    needed = NEEDS.get(verb)
    if actor is None or needed is None:
        return False
    return any(_covers(right, needed, app) for right in actor.rights)


def _covers(right: Right, needed: Grant, app: str) -> bool:
    if right.grant is Grant.ADMIN:
        return True
    if right.grant is Grant.PUSH:
        here = right.app == EVERY_APP or (right.app == app != "")
        return here and needed is not Grant.ADMIN
    return needed is Grant.READ


def parse_right(text: str) -> Right:
    """``read``, ``admin``, ``push:APP`` or ``push:*``. Raises UsageError."""
    grant, colon, app = text.partition(":")
    plain = text in (Grant.READ, Grant.ADMIN)
    if plain:
        return Right(Grant(text))
    if grant == Grant.PUSH and colon and (app == EVERY_APP or is_name(app)):
        return Right(Grant.PUSH, app)
    raise UsageError(f"not a right: {text!r}", "use read, push:APP, push:* or admin")


def found(people: Iterable[Person], name: str) -> Person | None:
    """The person of that name."""
    return next((person for person in people if person.name == name), None)


def with_key(
    people: Sequence[Person], name: str, key: Key, rights: Iterable[Right]
) -> tuple[Person, ...]:
    """With a key and rights more for somebody, who may be new. Raises UsageError for a key that
    is another's already: it would not be known who comes with it."""
    for other in people:
        if other.name != name and any(one.blob == key.blob for one in other.keys):
            hint = f"fairlead server key remove {other.name} {key.fingerprint}"
            raise UsageError(f"this key is {other.name}'s already", hint)
    was = found(people, name) or Person(name, (), ())
    keys = was.keys if any(one.blob == key.blob for one in was.keys) else (*was.keys, key)
    now = Person(name, keys, tuple(sorted({*was.rights, *rights})))
    return _sorted([*(one for one in people if one.name != name), now])


def without(people: Sequence[Person], name: str, fingerprint: str = "") -> tuple[Person, ...]:
    """Without one key of somebody, or all; who has none left is gone."""
    left = []
    for one in people:
        keys = tuple(k for k in one.keys if fingerprint and k.fingerprint != fingerprint)
        if one.name != name:
            left.append(one)
        elif keys:
            left.append(Person(name, keys, one.rights))
    return _sorted(left)


def _sorted(people: Iterable[Person]) -> tuple[Person, ...]:
    return tuple(sorted(people, key=lambda person: person.name))


def authorized_keys(people: Iterable[Person], shell: str) -> str:
    """sshd's file: each key may run ``shell`` with its person's name, and nothing else
    (sshd(8): ``restrict`` turns off forwarding, terminals and the user's rc file)."""
    head = "# Written by Fairlead (fairlead server key). Changes by hand are lost.\n"
    return head + "".join(
        f'restrict,command="{shell} {person.name}" {key.algorithm} {key.blob} {person.name}\n'
        for person in people
        for key in person.keys
    )


def told(actor: Person | None) -> str:
    """What somebody may do, in a sentence."""
    if actor is None or not actor.rights:
        return "nothing: your key is known, and has no rights"
    return ", ".join(_TOLD[right.grant].format(app=_what(right)) for right in actor.rights)


def _what(right: Right) -> str:
    return "every app" if right.app == EVERY_APP else right.app


_TOLD = {
    Grant.READ: "look at everything",
    Grant.PUSH: "push, look at and roll back {app}",
    Grant.ADMIN: "everything that is answered here",
}
