"""Texts as systemd reads them: words of a command, paths, environment files. Pure.

By systemd.service(5) "Command lines", systemd.syntax(7) "Quoting" and systemd.exec(5)
"EnvironmentFile="; what the pages leave open was tried with systemd 252, and is tried by
``tests/drivers/systemd`` on every run. What systemd would drop or change in silence is refused.
"""

import re

from fairlead.base.errors import UsageError

# systemd drops other names from an environment file, with no more than a line in its log.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words in lists of paths, and the whole of WorkingDirectory=, without a thing to quote.
_PATH = re.compile(r"/[A-Za-z0-9/._,@+=~%-]*")
# env-file.c of systemd 252: a backslash escapes these within double quotes, and stays elsewhere.
_SHELL = re.compile(r'(["\\`$])')
_CONTROL = re.compile(r"[\x01-\x1f\x7f]")


def word(text: str) -> str:
    """One word of a command line that begins with ":", so that "$" means itself."""
    checked(text, "a word of a command")
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    lines = quoted.replace("\n", "\\n")
    return '"' + _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", lines) + '"'


def path(text: str) -> str:
    """An absolute path for a setting that takes one. Raises UsageError for an odd one.

    Such settings unquote differently from each other, and these paths are Fairlead's own.
    """
    if not _PATH.fullmatch(text) or "/../" in f"{text}/":
        raise UsageError(
            f"not a path that a unit can name: {text!r}",
            "an absolute path of letters, digits and / . _ , @ + = ~ % -",
        )
    return text.replace("%", "%%")


def plain(text: str) -> str:
    """A text that is only read by people: nothing in it ends a line or expands."""
    return _CONTROL.sub(" ", text).replace("\\", "/").replace("%", "%%").replace("\0", " ")


def variable(name: str, value: str) -> str:
    """One line of an environment file. Raises UsageError; a value is in no error."""
    if not _VARIABLE.fullmatch(name):
        raise UsageError(
            f"not a name systemd gives to a variable: {name!r}",
            "letters, digits and _, not beginning with a digit",
        )
    checked(value, f"the value of {name}", shown=False)
    return f'{name}="{_SHELL.sub(_escaped, value)}"\n'


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def checked(text: str, what: str, *, shown: bool = True) -> None:
    """Raise UsageError for what no unit can hold: NUL, and what is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        fine = False
    else:
        fine = "\0" not in text
    if not fine:
        said = f": {text!r}" if shown else ""
        raise UsageError(f"cannot be executed: {what} is not UTF-8, or holds NUL{said}")
