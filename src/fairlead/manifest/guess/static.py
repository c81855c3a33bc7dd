"""A static site: files and nothing to run.

The proxy serves the files. A role stands behind it all the same, because a release is served when
a copy is ready: Python's own file server, which answers what the proxy does not find (the index
of a directory, and 404), and whose readiness shows that the files are really there.
"""

from fairlead.manifest.guess import health
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository
from fairlead.manifest.guess.servers import quoted

_PLACES = ("", "public/", "dist/", "site/", "_site/", "www/", "html/", "docs/")


def look(repository: Repository) -> Draft | None:
    """The draft for a static site; None without an index.html in a usual place."""
    found = (place for place in _PLACES if repository.has(f"{place}index.html"))
    place = next(found, None)
    if place is None:
        return None
    draft = Draft(f"a static site ({place}index.html)")
    draft.add("build", "kind", "static", "nothing to install")
    served(draft, place.rstrip("/") or ".", f"{place}index.html is there")
    if not place:
        draft.todo.append(
            "the site is the repository itself, so every file in it can be fetched; "
            "move the pages into public/ to publish those alone"
        )
    return draft


def served(draft: Draft, directory: str, why: str) -> None:
    """The files of a directory at /, and the role behind them."""
    draft.add("build.assets", "url", "/", "the proxy serves the files itself")
    draft.add("build.assets", "directory", directory, why)
    inside = "" if directory == "." else f" --directory {quoted(directory)}"
    draft.add(
        "role.web",
        "command",
        f"python3 -m http.server {{port}} --bind 127.0.0.1{inside}",
        "answers what the proxy finds no file for, and is what is asked whether the site is ready",
    )
    health.found(draft, "/", "the index page")
