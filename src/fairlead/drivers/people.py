"""Who may come over SSH, as a file in the home, and as sshd reads it."""

import msgspec

from fairlead.access.model import Person
from fairlead.access.ports import Rendering
from fairlead.base.errors import Unknown
from fairlead.base.paths import Home
from fairlead.drivers._files import write_whole


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    people: tuple[Person, ...] = ()


class PeopleFile:
    """See ``fairlead.access.ports.People``. ``render`` makes sshd's file of it."""

    def __init__(self, home: Home, render: Rendering) -> None:
        self._home = home
        self._render = render

    def all(self) -> tuple[Person, ...]:
        """Everybody, by name. Raises Unknown when it cannot be read."""
        try:
            return msgspec.json.decode(self._home.people.read_bytes(), type=_File).people
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            what = f"who may come over SSH is not known: {self._home.people}: {error}"
            raise Unknown(what, f"look at {self._home.people}") from error

    def put(self, people: tuple[Person, ...]) -> None:
        """Durable, and in force for the next login, before it returns.

        sshd's file is written last: a key that opens the door is always a known person's.
        """
        data = msgspec.json.format(msgspec.json.encode(_File(people)), indent=2) + b"\n"
        write_whole(self._home.people, data)
        write_whole(self._home.authorized_keys, self._render(people).encode())
        # sshd reads it as the user who logs in (sshd_config(5), AuthorizedKeysFile).
        self._home.authorized_keys.chmod(0o644)
