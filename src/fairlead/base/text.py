"""Text from outside, made safe to show on a terminal.

What a program prints, a commit says or a file is called may hold escape codes that move the
cursor, retitle the window or hide what follows (ECMA-48, xterm's control sequences; Unicode
TR 36 for the characters that reverse the reading order). None of them reaches a terminal.
"""

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI … final byte: colours, cursor
    r"|\x9b[0-?]*[ -/]*[@-~]"  # the same with the one-character introducer
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS, SOS, PM, APC … to its terminator
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
LONGEST = 2_000
"""How many characters of one line are shown; the log file has the rest."""


def printable(line: str) -> str:
    """One line as it may be shown: no escape code, no control or reordering character.

    A line that a progress bar drew over itself (carriage returns) is its last state.
    """
    shown = line.rstrip("\r\n").rsplit("\r", 1)[-1]
    shown = _UNSEEN.sub("\N{MIDDLE DOT}", _ESCAPES.sub("", shown))
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + " …"
