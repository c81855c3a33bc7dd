"""The manifest of a commit."""

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import CommitId
from fairlead.manifest.model import App
from fairlead.manifest.rules import FILE, parse
from fairlead.service.tools import Tools


def manifest_at(tools: Tools, app: str, commit: CommitId) -> App:
    """The manifest as the commit has it. Raises NotFound, ManifestError, Refused."""
    text = tools.repositories.read(tools.home.repository(app), commit, FILE)
    if text is None:
        raise NotFound(f"no {FILE} in commit {commit[:12]}", "fairlead init writes one")
    found = parse(text.decode(errors="replace"), f"{commit[:12]}:{FILE}")
    if found.name != app:
        raise Refused(
            f"{FILE}: app is {found.name!r}, and this is the repository of {app!r}",
            f'set app = "{app}", or push to the repository of {found.name}',
        )
    return found
