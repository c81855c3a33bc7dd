"""Texts with secrets in them that no file of ours holds: chance draws them, by the same seed.

A case's first line is the path. ``{A:36}`` is so many characters of an alphabet, ``{word}`` the word
(so that nothing in the case looks like a token), and ``! rule …`` at the end of a line are the rules
that it breaks: ``marked`` for what a person marked, ``! file`` alone for the file itself.
"""

import random
import re
import string
from pathlib import Path

CASES = Path(__file__).parent.parent / "cases/leaks"
LETTERS = string.ascii_letters
ALPHABETS = {
    "A": LETTERS + string.digits,
    "B": LETTERS + string.digits + "+/",
    "D": string.digits,
    "H": "0123456789abcdef",
    "L": LETTERS,
    "Q": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "U": string.ascii_uppercase + "234567",
    "W": LETTERS + string.digits + "_-",
}


def drawn(alphabet: str, size: int, chance: random.Random) -> str:
    """That many characters; a digit among them, and no dash at an end."""
    while True:
        text = "".join(chance.choices(ALPHABETS[alphabet], k=size))
        mixed = alphabet in "DLU" or size < 12 or any(one.isdigit() for one in text)
        if mixed and not {text[0], text[-1]} & {*"_-"}:
            return text


def planted(case: Path, seed: int) -> tuple[str, str, set[tuple[int, str]]]:
    """The path, the text, and (line, rule) of each secret in it."""
    chance = random.Random(seed)
    path, *lines = case.read_text().splitlines()
    text, wanted = [], set()
    for number, whole in enumerate(lines, 1):
        line, _, rules = f"  {whole}".partition("  ! ")
        wanted |= {(0 if rule == "file" else number, rule) for rule in rules.split()}
        full = re.sub(
            r"\{([ABDHLQUW]):(\d+)\}", lambda one: drawn(one[1], int(one[2]), chance), line[2:]
        )
        text.append(re.sub(r"(?<![{$f])\{([A-Za-z0-9_ =.-]+)\}(?!\})", kept, full))
    return path.removeprefix("path: "), "\n".join(text), wanted


def kept(found: re.Match[str]) -> str:
    """The word in braces; an f-string's own name stays in them."""
    return found[0] if found[1] in ("password", "user", "digest") else found[1]
