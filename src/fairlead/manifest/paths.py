"""Kinds of text that several tables have: paths below the repository, globs, JSON fields."""

from fairlead.manifest.kinds import Directory, Glob, Text

FIELD = Text("the name of a JSON field", r"[^\x00-\x1f\x7f]+")
# Not "/", not "..", no empty piece: it stays below the tree whatever it is joined to.
_PIECE = r"(?!\.\.?(?:/|$))[^/\\\x00-\x1f\x7f]+"
BELOW = Text('a path below the repository, such as "public"', rf"(?:\./?|{_PIECE}(?:/{_PIECE})*/?)")
FILE = Text('a file below the repository, such as "uv.lock"', rf"{_PIECE}(?:/{_PIECE})*")
DIRECTORY = Directory(
    'a directory below the repository, such as "media"', rf"{_PIECE}(?:/{_PIECE})*/?"
)
GLOB = Glob('a glob, such as "**/migrations/*.py"', rf"/?{_PIECE}(?:/{_PIECE})*/?")
