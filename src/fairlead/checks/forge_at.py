"""Which repository on which forge the address of a clone means. Pure.

Where each API starts: GitHub's "Getting started with the REST API" (Enterprise Server: /api/v3),
GitLab's "REST API" (/api/v4), Bitbucket's 2.0, and Forgejo's and Gitea's own /api/v1.
"""

import re

from fairlead.checks.ports import ForgeAt

_PUBLIC = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "codeberg.org": "forgejo",
}
_API = {"github": "/api/v3", "gitlab": "/api/v4", "forgejo": "/api/v1"}
KINDS = tuple(_API)
"""What a host of one's own may be."""
_REPOSITORY = r"(?P<repository>[\w.-]+(?:/[\w.-]+)+)/?"
_HOST = r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)"
# git-clone(1), "GIT URLS": by https and ssh, and the form of scp.
_URLS = (
    re.compile(rf"https://(?:[^@/\s]+@)?{_HOST}(?P<port>:\d+)?/{_REPOSITORY}"),
    re.compile(rf"ssh://(?:[^@/\s]+@)?{_HOST}(?::\d+)?/{_REPOSITORY}"),
    re.compile(rf"(?:[^@:/\s]+@)?{_HOST}:{_REPOSITORY}"),
)


def forge_at(url: str, kind: str = "") -> ForgeAt | None:
    """The repository that a clone's address means; None where no forge is known by it.

    ``kind`` says what a host of one's own is: one of ``KINDS``.
    """
    match = next(filter(None, (pattern.fullmatch(url) for pattern in _URLS)), None)
    if match is None or ".." in match["repository"]:
        return None
    host, found = match["host"].lower(), match["repository"].removesuffix(".git")
    if host in _PUBLIC:
        return ForgeAt(_PUBLIC[host], found)
    if kind not in _API:
        return None
    port = match.groupdict().get("port") or ""  # that of ssh is not that of the API
    return ForgeAt(kind, found, f"https://{host}{port}{_API[kind]}")
