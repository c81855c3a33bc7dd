"""``python -m fairlead.manifest schema|reference``: prints what is made from the table of keys."""

import sys

from fairlead.manifest.editor import json_schema
from fairlead.manifest.reference import reference

_MADE = {"schema": json_schema, "reference": reference}


def main(argv: list[str]) -> int:
    """Print the one that is asked for. 2 when it is neither."""
    made = _MADE.get(argv[0]) if len(argv) == 1 else None
    if made is None:
        print(f"python -m fairlead.manifest {'|'.join(_MADE)}", file=sys.stderr)  # noqa: T201
        return 2
    sys.stdout.write(made())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
