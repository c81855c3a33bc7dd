# /// script
# requires-python = ">=3.11"
# dependencies = ["polib>=1.2"]
# ///
"""Compile every ``django.po`` beside itself: ``uv run tools/compile_translations.py``.

The ``.mo`` files are committed, so neither a build nor a test needs gettext. Each carries the
SHA-256 of the ``.po`` it was made from; a test compares them, so that one cannot be forgotten.
"""

from hashlib import sha256
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Compile all, and say what was written."""
    for source in sorted(ROOT.glob("*/locale/*/LC_MESSAGES/*.po")):
        catalogue = polib.pofile(str(source))
        catalogue.metadata["X-Source-SHA256"] = sha256(source.read_bytes()).hexdigest()
        target = source.with_suffix(".mo")
        target.write_bytes(catalogue.to_binary())
        done = f"{len(catalogue.translated_entries())} of {len(catalogue)} translated"
        print(f"{target.relative_to(ROOT)}: {done}")


if __name__ == "__main__":
    main()
