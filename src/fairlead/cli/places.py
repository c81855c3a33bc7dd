"""A place as an argument, with completion."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem


class PlaceName(click.ParamType[str]):
    """``app/environment``; which one is meant is for the service to say."""

    name = "place"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The places of the home, by the deploy repo's directories: no process is started."""
        from fairlead.wire import home_of

        return [
            CompletionItem(name)
            for name in places_in(home_of(ctx.params.get("home") or "").deploy)
            if name.startswith(incomplete)
        ]


def places_in(deploy: Path) -> list[str]:
    """The places that have files in a deploy repo."""
    found = {path.parent for path in (deploy / "apps").glob("*/*/*.json")}
    return sorted(f"{path.parent.name}/{path.name}" for path in found)


PLACE = PlaceName()
