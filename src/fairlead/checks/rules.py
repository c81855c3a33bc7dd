"""What an exit means, who is asked after whom, and what a command of an app gets to see."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from fairlead.base.errors import UsageError
from fairlead.base.globs import matching
from fairlead.checks.model import Answer, CheckResult, Surroundings
from fairlead.checks.ports import Exit
from fairlead.manifest.model import Check

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH behind the dependencies' own programs (Debian's default)."""

# signal(7); the module of that name is not for a pure file.
_SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT",
            7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM",
            15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS"}  # fmt: skip
# A program that runs into one of these has answered: it is broken. Any other signal came from
# outside (a person, the kernel short of memory) and says nothing about the change.
_OWN = frozenset({4, 5, 6, 7, 8, 11, 31})
_KILL = 9


def answer_of(check: Check, end: Exit) -> tuple[Answer, str]:
    """The answer an exit stands for, and why. Only exit 0 is passed (promise 12)."""
    if not end.started:
        return Answer.NOT_KNOWN, f"could not be started: {end.detail}"
    if end.lost:
        return Answer.NOT_KNOWN, f"nobody can say how it ended: {end.detail}"
    if end.over:
        return Answer.NOT_KNOWN, f"ended for using too much: {end.detail}"
    if end.timed_out:
        return Answer.NOT_KNOWN, f"not ended after {check.limit} s, its limit"
    number = end.signal or (end.code - 128 if 128 < end.code < 160 else 0)
    if number:
        return _of_signal(number)
    return _of_code(check, end.code)


def _of_signal(number: int) -> tuple[Answer, str]:
    name = _SIGNALS.get(number, f"signal {number}")
    if number in _OWN:
        return Answer.FAILED, f"crashed with {name}"
    memory = "; the kernel does that when memory runs out" if number == _KILL else ""
    return Answer.NOT_KNOWN, f"killed from outside by {name}{memory}"


def _of_code(check: Check, code: int) -> tuple[Answer, str]:
    if code in check.not_known_exits:
        return Answer.NOT_KNOWN, f"exit {code}, which this check calls not known"
    if code in (126, 127):  # what shells and env say (POSIX.1-2017, 2.8.2)
        return Answer.NOT_KNOWN, f"exit {code}: a program in it was not found or cannot be run"
    return (Answer.PASSED, "exit 0") if code == 0 else (Answer.FAILED, f"exit {code}")


def order(checks: Iterable[Check]) -> TopologicalSorter[str]:
    """The checks' graph, prepared. Raises UsageError for a circle or a need nobody answers."""
    needs = {check.name: check.needs for check in checks}
    for name, wanted in needs.items():
        for need in wanted:
            if need not in needs:
                raise UsageError(
                    f"fairlead.toml: check.{name}.needs: no such check: {need!r}",
                    f"name one of {', '.join(sorted(needs))}",
                )
    graph = TopologicalSorter(needs)
    try:
        graph.prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise UsageError(
            f"fairlead.toml: checks need each other in a circle: {circle}", "remove one need"
        ) from None
    return graph


def not_asked(
    check: Check, answered: Mapping[str, CheckResult], paths: Iterable[str]
) -> CheckResult | None:
    """The answer of a check that need not, or cannot, be asked; None when it is to be asked."""
    for need in check.needs:
        if not answered[need].answer.opens:
            reason = f"not asked: it needs {need}, which is {answered[need].answer}"
            return CheckResult(check.name, Answer.NOT_KNOWN, reason)
    if check.only and not matching(check.only, paths):
        reason = f"no file of the tree matches its only = {list(check.only)}"
        return CheckResult(check.name, Answer.NOT_APPLICABLE, reason)
    return None


def whole_environment(around: Surroundings, tree: str, home: str, scratch: str) -> dict[str, str]:
    """All that a check or a build command gets to see. Nothing of Fairlead's own environment:
    no settings of any environment, no agent sockets, no ``GIT_*`` of a hook (promise 13)."""
    return {
        **in_tree(around, tree),
        "HOME": home,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "CI": "1",
        "PYTHONUNBUFFERED": "1",
    }


def in_tree(around: Surroundings, tree: str) -> dict[str, str]:
    """PATH and the variables that make a tree and its dependencies work together.

    A copy, a migration and a smoke check need the same ones, below the settings of their place.
    """
    found = dict(around.variables)
    found["PATH"] = ":".join((*around.bins, SYSTEM_PATH))
    if around.roots:
        found["PYTHONPATH"] = ":".join(str(PurePosixPath(tree, root)) for root in around.roots)
    return found
