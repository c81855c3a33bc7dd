"""``fairlead source``: set, show, remove, pull."""

import os
from pathlib import Path

import click

from fairlead.base.errors import UsageError
from fairlead.checks.forge_at import KINDS
from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper
from fairlead.manifest.kinds import seconds, time_text
from fairlead.service import source as service
from fairlead.service.source import Pulled, SourceGone, SourceList, SourceShown, Wanted


@click.group("source", cls=Verbs)
def source() -> None:
    """Pull an app from a git repository elsewhere.

    The agent looks there on a clock. What is new on a branch passes the same gate as a push, and
    is released as if it had been pushed; what is refused is not asked again until the branch
    moves on. The forge needs no way in here.
    """


source.examples = (
    "fairlead source set shop git@forge.example:anna/shop.git --new-key",
    "fairlead source show",
    "fairlead source pull shop",
)


@verb(
    "set",
    "fairlead source set shop https://forge.example/anna/shop.git",
    "fairlead source set shop git@forge.example:anna/shop.git --new-key --branch main",
    under=source,
)
@click.argument("app")
@click.argument("url")
@click.option("--branch", multiple=True, metavar="NAME", help="Follow it; again for more. [main]")
@click.option("--every", default="1m", metavar="TIME", help="Between two looks, from 15s. [1m]")
@click.option("--key", default="", metavar="FILE", help="A private key that may read there.")
@click.option("--new-key", is_flag=True, help="Make a deploy key, and print its public half.")
@click.option("--trust-anew", is_flag=True, help="Forget the key that the host was known by.")
@click.option("--forge-token", default="", metavar="FILE", help="To set statuses there with.")
@click.option("--forge", type=click.Choice(KINDS), help="What a host of your own is.")
def set_(
    door: Door,
    app: str,
    url: str,
    branch: tuple[str, ...],
    every: str,
    key: str,
    new_key: bool,
    trust_anew: bool,
    forge_token: str,
    forge: str | None,
) -> None:
    """Let an app be pulled, in the place of another source.

    A private repository is read with a deploy key by SSH: --new-key makes one that stays here,
    and its public half is added at the forge, to read only. Said again without a key, the one
    before stays. The host is known from the first pull on by the key it showed then.

    With a token for the forge's API each commit that is pulled gets a status there,
    fairlead/APP. The token is kept here beside the deploy key, and shown nowhere.
    """
    from fairlead.service.up import set_up
    from fairlead.wire import tools_of

    tools = door.tools if door.home.server else tools_of(door.home)
    wanted = Wanted(
        url,
        branch or ("main",),
        _seconds(every),
        Path(key).expanduser() if key else None,
        new_key,
        trust_anew,
        Path(forge_token).expanduser() if forge_token else None,
        forge or "",
    )
    found = service.set_source(tools, app, wanted)
    if not door.home.server and set_up(tools, app)[1]:
        door.say("started: supervisor, proxy and agent")
    if new_key:
        door.say("add this key at the forge, for this repository, to read only:")
    door.show(SourceList((found,)), write)


@verb("show", "fairlead source show", "fairlead source show shop --json", under=source)
@click.argument("app", default="")
def show(door: Door, app: str) -> None:
    """Where apps are pulled from, by which keys, and what came last."""
    door.show(service.shown(door.tools, app), write)


@verb("remove", "fairlead source remove shop", under=source)
@click.argument("app")
def remove(door: Door, app: str) -> None:
    """Pull an app no more. What runs runs on; its deploy key is removed here."""
    door.show(service.remove(door.tools, app), write_gone)


@verb("pull", "fairlead source pull shop", under=source)
@click.argument("app")
def pull(door: Door, app: str) -> int:
    """Look now, and show what comes of it, as a push does.

    Also what was refused before is asked again. The exit code is that of a push: 1 when a
    branch was refused.
    """
    found = service.pull(door.tools, app, door.say)
    for one in found.offered:
        if one.accepted:
            _follow(door, app, one.ref, one.commit)
    door.show(found, write_pulled)
    return 0 if found.well else 1


def _follow(door: Door, app: str, ref: str, commit: str) -> None:
    """What becomes of it, as after a push."""
    from fairlead.agent.receive import Question, post_receive
    from fairlead.base.stop import NEVER
    from fairlead.service.push import Update

    update = Update(ref, "", commit)
    asked = Question("post-receive", app, door.tools.me, os.getpid(), (update,), {})
    post_receive(door.tools, asked, door.say, NEVER)


def _seconds(text: str) -> int:
    found = seconds(text)
    if found is None:
        raise UsageError(f"not a stretch of time: {text!r}", "--every 1m")
    return found


def write(paper: Paper, view: SourceList) -> None:
    """A few lines a source."""
    if not view.sources:
        paper.line("no app is pulled: fairlead source set APP URL")
    for one in view.sources:
        _one(paper, one)


def _one(paper: Paper, view: SourceShown) -> None:
    paper.line(f"{view.app}: {view.url}, {', '.join(view.branches)}, every {time_text(view.every)}")
    rows = [("key", view.key)] if view.key else []
    rows += [("host", text) for text in view.host_keys]
    rows += [(branch, commit[:12]) for branch, commit in sorted(view.seen.items())]
    if view.untold:
        rows.append(("statuses", view.untold))
    else:
        rows.append(("statuses", "shown there" if view.forge_token else "none: no forge token"))
    if view.problem:
        rows.append(("problem", view.problem))
    paper.table([((label, "dim"), text) for label, text in rows], indent=2)


def write_gone(paper: Paper, view: SourceGone) -> None:
    """What is no more."""
    paper.line(f"{view.app} is pulled no more from {view.url}: take its deploy key away there")


def write_pulled(paper: Paper, view: Pulled) -> None:
    """A line a branch."""
    if not view.offered:
        paper.line(f"{view.app}: nothing new at {view.url}")
    for one in view.offered:
        said = ("accepted", "good") if one.accepted else ("refused", "bad")
        branch = one.ref.removeprefix("refs/heads/")
        paper.line(f"{view.app}: {branch} at {one.commit[:12]}: ", said, f": {one.sentence}")
