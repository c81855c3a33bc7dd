"""What a repository is, guessed from its files: a manifest, and why each line of it.

Pure: the files are given, and the same files give the same guess. What the repository says of
itself (a ``Procfile``) wins over what is known of its framework.
"""

from collections.abc import Mapping, Sequence

from fairlead.base.errors import UsageError
from fairlead.manifest.guess import django, node, procfile, questions, static, tools, webapp
from fairlead.manifest.guess.draft import Draft, Guess, Reason, written
from fairlead.manifest.guess.repository import Repository
from fairlead.manifest.mistakes import ManifestError
from fairlead.manifest.rules import parse

_BY_HAND = "start from the annotated example: fairlead init --example > fairlead.toml"
__all__ = ["Guess", "Reason", "checked", "drafted", "guess"]


def guess(
    files: Mapping[str, str],
    paths: Sequence[str] = (),
    directory: str = "app",
    branch: str = "main",
) -> Guess:
    """The manifest for a repository. Raises UsageError when nothing in it is recognised.

    ``files`` are the texts of the files that matter, by path; ``paths`` all paths there are.
    ``directory`` is the repository's name, and ``branch`` the one checked out.
    """
    repository = Repository(files, tuple(sorted({*files, *paths})), directory, branch)
    draft = drafted(repository)
    if draft is None:
        raise UsageError(
            f"not clear what this repository is: {directory}",
            _BY_HAND,
        )
    tools.add(draft, repository)
    questions.add(draft, repository)
    return checked(written(draft, repository), directory)


def drafted(repository: Repository) -> Draft | None:
    """The draft for a repository; None when nothing in it is recognised."""
    draft = _framework(repository)
    lines = procfile.read(repository)
    if lines:
        draft = procfile.laid_over(draft or procfile.alone(repository), lines)
    return draft


def checked(found: Guess, directory: str) -> Guess:
    """The guess, when it is a manifest. Raises UsageError."""
    # What the repository says is copied into it, and may hold what no manifest can.
    try:
        parse(found.text)
    except ManifestError as error:
        raise UsageError(
            f"no manifest can be made of {directory}: {error.what}", _BY_HAND
        ) from None
    return found


def _framework(repository: Repository) -> Draft | None:
    # The most telling first: a Django project may well hold a package.json for its styles.
    for look in (django.look, webapp.look, node.look, static.look):
        draft = look(repository)
        if draft is not None:
            return draft
    return None
