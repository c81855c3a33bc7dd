"""Every error a person may meet, as one tree.

An error says what happened and to which thing, and carries a hint: the next
command. Its class carries the process's exit code, so errors are compared by
type and never by text.

    FairleadError            1   it failed
    ├── UsageError           2   the call or a file a person wrote is off
    ├── Refused              3   a gate said no; nothing was changed
    ├── NotFound            10   no such thing
    ├── Busy                11   somebody holds the lease: by whom, since when, why
    ├── NotAllowed          12   the actor may not
    └── Unknown              1   the world gave no answer: never read as success
"""


class FairleadError(Exception):
    """It failed. ``what`` is one sentence; ``hint`` is the next command or act."""

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n\nhint: {self.hint}" if self.hint else self.what


class UsageError(FairleadError):
    """The call, or a file that a person wrote, is not of the form it must have."""

    exit_code = 2


class Refused(FairleadError):
    """A gate said no; what served before serves on."""

    exit_code = 3


class NotFound(FairleadError):
    """There is no such thing."""

    exit_code = 10


class Busy(FairleadError):
    """Somebody else holds the lease."""

    exit_code = 11


class NotAllowed(FairleadError):
    """The actor has no right to the verb on the thing."""

    exit_code = 12


class Unknown(FairleadError):
    """The world gave no usable answer; whoever asked must not read it as success."""
