"""Forges: a verdict beside the commit, and one comment on the change request.

Each dialect is one file, from the forge's own documentation of its REST API; how any of them is
asked is ``api.py``, and how a comment is found again is ``comments.py``.
"""

from urllib.parse import urlsplit

from fairlead.base.clock import Clock, SystemClock
from fairlead.base.errors import UsageError
from fairlead.base.secret import Secret
from fairlead.checks.ports import Forge, ForgeAt
from fairlead.drivers.forges.api import Api
from fairlead.drivers.forges.bitbucket import Bitbucket
from fairlead.drivers.forges.forgejo import Forgejo
from fairlead.drivers.forges.github import GitHub
from fairlead.drivers.forges.gitlab import GitLab
from fairlead.drivers.forges.told import Told

_Kinds = type[GitHub] | type[GitLab] | type[Bitbucket]
_DIALECTS: dict[str, tuple[_Kinds, str]] = {
    "github": (GitHub, "https://api.github.com"),
    "gitlab": (GitLab, "https://gitlab.com/api/v4"),
    "bitbucket": (Bitbucket, "https://api.bitbucket.org/2.0"),
    "forgejo": (Forgejo, "https://codeberg.org/api/v1"),
}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def forge(at: ForgeAt, token: Secret, clock: Clock | None = None) -> Forge:
    """The forge at that place, spoken to with a token.

    Raises UsageError for a kind that is not known, or an address that would show the token to
    whoever listens.
    """
    if at.kind not in _DIALECTS:
        raise UsageError(f"no such forge: {at.kind!r}", f"one of {', '.join(_DIALECTS)}")
    dialect, public = _DIALECTS[at.kind]
    address = (at.api or public).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme != "https" and (parts.scheme, parts.hostname in _LOOPBACK) != ("http", True):
        raise UsageError(f"a token is only sent over https: {address}", "give the API's https://…")
    return Told(
        dialect.NAME, dialect(Api(address, dialect.header(token), clock or SystemClock()), at)
    )
