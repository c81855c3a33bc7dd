"""Running a command: its errors become sentences and exit codes, never a traceback."""

import os
import sys
from typing import NoReturn

import click

from fairlead.base.errors import FairleadError

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

MISTAKE = 1


class Stopped(Exception):
    """Ctrl-C, with a sentence on what goes on by itself."""


def run(words: list[str]) -> int:
    """One command, from its words to its exit code."""
    try:
        code = _invoked(words)
        sys.stdout.flush()
    except BrokenPipeError:
        return _unheard()
    except (KeyboardInterrupt, click.Abort, Stopped) as stopped:
        return _interrupted(str(stopped))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _told(_of_click(error), words)
    except FairleadError as error:
        return _told(error, words)
    except Exception as error:  # noqa: BLE001  a mistake of ours is told in one line
        return _mistake(error, words)
    return code


def _invoked(words: list[str]) -> int:
    """What click's own ``main`` does, but for how it ends: that is ours to say."""
    from fairlead.cli.group import COMPLETE, root

    if COMPLETE in os.environ:  # the shell asks, not a person
        root.main(words, prog_name="fairlead", complete_var=COMPLETE)
    try:
        with root.make_context("fairlead", list(words)) as context:
            code = root.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return code if isinstance(code, int) else 0


def _unheard() -> int:
    """The reader went away (``fairlead … | head``): nobody is left to tell anything.

    What Python still holds for stdout goes nowhere, or it would complain at exit.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _interrupted(said: str) -> int:
    sys.stderr.write(f"\n{said or 'interrupted'}\n")
    return INTERRUPTED


def _of_click(error: click.ClickException) -> FairleadError:
    """A wrong call, in our form."""
    from fairlead.base.errors import UsageError

    context = getattr(error, "ctx", None)
    path = context.command_path if context else "fairlead"
    message = error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], f"{path} --help")


def _told(error: FairleadError, words: list[str]) -> int:
    if "--json" in words:
        put_error(error.what, error.hint, error.exit_code)
    else:
        sys.stdout.flush()
        sys.stderr.write(sentence(error))
    return error.exit_code


def sentence(error: FairleadError) -> str:
    """``what happened: the thing``, a blank line, ``hint: the next command``."""
    from fairlead.base.text import printable

    what = "\n".join(map(printable, error.what.split("\n")))
    return f"{what}\n\nhint: {printable(error.hint)}\n" if error.hint else f"{what}\n"


def put_error(what: str, hint: str, code: int) -> None:
    """An error where JSON was asked for: ``{"error": {"what", "hint", "code"}}`` on stdout."""
    from fairlead.cli.door import put_json

    put_json({"error": {"what": what, "hint": hint, "code": code}})


def _mistake(error: Exception, words: list[str]) -> int:
    from fairlead.cli.mistake import report

    what = f"this is a mistake in Fairlead: {type(error).__name__}: {error}"
    hint = f"send us {report(error, words)}; it holds no setting's value"
    return _told(FairleadError(" ".join(what.split()), hint), words)


def stop(said: str) -> NoReturn:
    """End as Ctrl-C does, saying what goes on by itself."""
    raise Stopped(said)
