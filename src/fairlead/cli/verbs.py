"""Every command: where it is, and what it does in one line.

The lines stand here so that ``fairlead --help`` imports none of them. A test compares each
with the command's own.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """Where a command is defined, and its line in the list."""

    module: str
    name: str
    line: str


SECTIONS: dict[str, dict[str, Place]] = {
    "Take an app along the line": {
        "init": Place("init", "init", "Write the first fairlead.toml of a repository."),
        "adopt": Place("adopt", "adopt", "Take over a server that was set up by hand."),
        "up": Place("up", "up", "This app, here, now: checked, built, rolled out."),
        "verify": Place(
            "verify", "verify", "Ask the questions that stand before production, of any commit."
        ),
        "release": Place(
            "release", "release", "Release this commit on a server, from a hosted CI."
        ),
        "demo": Place("fairlead.demo.cli", "demo", "See the whole path work, with real parts."),
    },
    "Look": {
        "status": Place("status", "status", "What serves, what is under way, what waits."),
        "releases": Place(
            "releases", "releases", "The releases of an app and what became of them."
        ),
        "plan": Place("plan", "plan", "The way from what runs to what should run."),
        "drift": Place("drift", "drift", "What is not as it should be; revert or adopt it."),
        "logs": Place("logs", "logs", "What copies, checks and builds print."),
    },
    "Decide": {
        "approve": Place("approve", "approve", "Consent to the plan that waits for it."),
        "promote": Place("promote", "promote", "Ask for one place's release in another."),
        "rollback": Place("rollback", "rollback", "Go back to the good release before."),
        "set": Place("settings", "set_", "Change plain settings of a place."),
        "waive": Place("waive", "waive", "Let a check through, by your word and until a day."),
        "waivers": Place(
            "waive",
            "waivers",
            "What is let through, by whom, why and until when; end it before its day.",
        ),
        "clients": Place("clients", "clients", "Clients of an API that are in users' hands."),
        "overlay": Place(
            "overlay",
            "overlay",
            "What an environment lays over the code: capture, show, drop, refresh.",
        ),
        "secret": Place("secret", "secret", "Secrets of a place: set, unset, list; and their key."),
        "source": Place("source", "source", "Pull an app from a git repository elsewhere."),
        "database": Place("database", "database", "The database of a place: create, show."),
    },
    "Ask the record": {
        "trace": Place(
            "trace", "trace", "What became of a commit, digest, release, process, time."
        ),
        "changed": Place("changed", "changed", "Every change in a stretch of time."),
        "record": Place("record", "record", "Verify, show or follow the record."),
    },
    "Run Fairlead itself": {
        "agent": Place("agent", "agent", "The agent: run it here, or start, stop, restart it."),
        "server": Place("server", "server", "A machine that runs Fairlead: install, doctor, keys."),
        "down": Place("down", "down", "End everything of this home."),
        "completion": Place("completion", "completion", "Completion for your shell."),
    },
}


def known() -> dict[str, Place]:
    """Every command by name, in the order of the list."""
    return {name: place for part in SECTIONS.values() for name, place in part.items()}
