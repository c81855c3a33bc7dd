"""Command lines as a manifest may hold them: words, split as a POSIX shell splits them.

No shell runs them. What only a shell understands is refused here rather than handed to the
program as a word, so ``a && b`` cannot pass for one command that ends well.
"""

import re
import shlex

# Quoted text (POSIX.1-2017, 2.2) is inert: single quotes, double quotes, a backslash's character.
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
_SHELL = re.compile(r"&&|\|\||[;&|<>`]|\$(?=[A-Za-z_{(])|\n(?=[\s\S]*\S)")
PLACEHOLDERS = ("{socket}", "{port}")
"""What stands for a serving copy's own address: a unix socket's path, or a port on loopback."""
DESCRIPTOR = "{fd}"
"""What stands for the descriptor of a socket that a copy is handed."""


def words(command: str) -> tuple[str, ...]:
    """The words of a command line. Raises ValueError when a quote is left open."""
    return tuple(shlex.split(command))


def flaw(command: str) -> str:
    """Why this is not one command, or "" when it is."""
    try:
        found = words(command)
    except ValueError:
        return "a command whose quotes are closed"
    if not found:
        return "a command"
    operator = _SHELL.search(_QUOTED.sub("q", command))
    if operator is None:
        return ""
    return f"a command without {_named(operator[0])} (no shell runs it; sh -c '…' starts one)"


def _named(operator: str) -> str:
    return {"\n": "a second line", "$": "a $variable"}.get(operator, operator)


def placeholders(command: str) -> tuple[str, ...]:
    """Which of ``PLACEHOLDERS`` a command line names."""
    return tuple(name for name in PLACEHOLDERS if name in command)
