"""The web role's health path, and the smoke check that asks it through the proxy."""

from fairlead.manifest.guess.draft import Draft


def found(draft: Draft, path: str, why: str) -> None:
    """A health path that the code has."""
    draft.add("role.web", "health", path, why)
    draft.add("smoke.health", "path", path, "asked again through the proxy")


def stand_in(draft: Draft) -> None:
    """The front page, where no health path was found."""
    draft.add("role.web", "health", "/", "no health path was found; this one is a stand-in")
    draft.todo.append(
        "role.web.health is /: a path that answers 200 only when the app can work "
        "(its database answers) makes a better one, such as /health"
    )
