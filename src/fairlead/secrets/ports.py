"""What the room needs of the world: keys that never leave the machine unasked."""

from typing import Protocol


class KeyRing(Protocol):
    """The home's data keys, by id. One is the newest: it seals; all of them open.

    Whoever calls ``seal``, ``renew``, ``drop`` or ``add`` holds the deploy repo, so that two
    processes never make a key, or take one away, at once.
    """

    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the newest first; () before the first use."""
        ...

    def seal(self, data: bytes, bound: bytes) -> tuple[str, bytes]:
        """The newest key's id, and ``data`` sealed with it to what it is ``bound`` to.

        Makes the first key when there is none; it is durable before anything is sealed.
        """
        ...

    def open(self, key: str, sealed: bytes, bound: bytes) -> bytes:
        """What was sealed. Raises Refused: the key is not here, the bytes were changed, or
        they were sealed for something else than ``bound``."""
        ...

    def renew(self) -> str:
        """Make another key, the newest from now on; its id. The others stay."""
        ...

    def drop(self, keep: frozenset[str]) -> tuple[str, ...]:
        """Forget every key that is neither the newest nor in ``keep``; the ids that went."""
        ...

    def recovery(self) -> str:
        """All keys as text that ``add`` reads: whoever has it can open everything."""
        ...

    def recovery_to(self, recipient: str) -> bytes:
        """The same, as a file that only who has the recipient's private key can open (age).

        Raises UsageError for what is no recipient.
        """
        ...

    def add(self, text: str) -> tuple[str, ...]:
        """Take up the keys of a recovery text; the ids that are new. Raises UsageError."""
        ...
