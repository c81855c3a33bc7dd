"""Ask one question: reads ``Asked`` as JSON, writes ``Reply``; lines for a person on stdout."""

import importlib
import os
import sys
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.checks.model import Answer, Asked, Reply


def main(asked: str, reply: str) -> int:
    """0 once a reply stands at ``reply``. Anything else is nobody's answer: not known."""
    told = msgspec.json.decode(Path(asked).read_bytes(), type=Asked)
    kind = told.question.__struct_config__.tag
    try:
        found: Reply = importlib.import_module(f"fairlead.questions.{kind}").answer(told)
    except FairleadError as error:
        found = Reply(Answer.NOT_KNOWN, error.what)
    half = Path(f"{reply}.half")
    half.write_bytes(msgspec.json.encode(found))
    os.replace(half, reply)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
