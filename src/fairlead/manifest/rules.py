"""text → App. Pure: the same text gives the same App, or the same mistakes."""

import re
import tomllib

from fairlead.manifest import sense
from fairlead.manifest.mistakes import ManifestError, Mistake
from fairlead.manifest.model import App, Database
from fairlead.manifest.schema import APP
from fairlead.manifest.tables import Plain

FILE = "fairlead.toml"
LONGEST = 256 * 1024
"""Characters. A manifest is a page; what is longer is something else."""
MOST_DOTS = 200
"""In a line: tomllib takes minutes for a dotted key of thousands of parts."""

_PLACE = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of .*)\)$"
)


def parse(text: str, file: str = FILE) -> App:
    """The App that a manifest describes. Raises ManifestError with every mistake in it.

    ``file`` is only what messages call it.
    """
    plain, mistakes = _read(text, file)
    mistakes += [Mistake(file, *found, form=False) for rule in sense.RULES for found in rule(plain)]
    if mistakes:
        raise ManifestError(mistakes)
    made: App = APP.make(_completed(plain))
    return made


def _read(text: str, file: str) -> tuple[Plain, list[Mistake]]:
    mistakes: list[Mistake] = []

    def say(key: str, what: str, form: bool) -> None:
        mistakes.append(Mistake(file, key, what, form))

    return APP.read(_toml(text, file), "", say), mistakes


def _toml(text: str, file: str) -> Plain:
    """The TOML 1.0 document. Raises ManifestError, with line and column."""
    if len(text) > LONGEST:
        raise _unreadable(file, "size", f"expected at most {LONGEST} characters, got {len(text)}")
    dots, line = max((line.count("."), -n) for n, line in enumerate(f"{text}\n".split("\n"), 1))
    if dots > MOST_DOTS:
        what = f"expected at most {MOST_DOTS} dots in a line, got {dots}"
        raise _unreadable(file, f"line {-line}", what)
    try:
        text.encode()
        return tomllib.loads(text)
    except UnicodeEncodeError as error:
        raise _unreadable(file, _at(text, error.start), "expected UTF-8 text") from None
    except RecursionError:
        raise _unreadable(file, "line 1, column 1", "lists or tables are nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, and int() on thousands of digits
        raise _syntax(file, text, str(error)) from None


def _unreadable(file: str, key: str, what: str) -> ManifestError:
    return ManifestError([Mistake(file, key, what)])


def _syntax(file: str, text: str, said: str) -> ManifestError:
    match = _PLACE.match(said)
    if match is None:
        return _unreadable(file, "TOML", _plain_words(said))
    at = (
        f"line {match['line']}, column {match['column']}" if match["line"] else _at(text, len(text))
    )
    return _unreadable(file, at, _plain_words(match["what"]))


def _at(text: str, offset: int) -> str:
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"


_WORDS = {
    "Cannot overwrite a value": "this key is given twice",
    "Cannot mutate immutable namespace": "this key is given twice",
}


def _plain_words(said: str) -> str:
    declared = re.match(r"Cannot declare \((.*?),?\) twice", said)
    if declared:
        return f"this table is given twice: {declared[1].replace(chr(39), '').replace(', ', '.')}"
    known = next((words for start, words in _WORDS.items() if said.startswith(start)), "")
    return known or f"not TOML: {said[:1].lower()}{said[1:]}"


SQLITE = "sqlite:///{data}/db.sqlite3"
"""Where an app's own SQLite database is, unless it says otherwise."""


def _completed(plain: Plain) -> Plain:
    """What follows from the rest: the role that a smoke check asks, where the database's URL comes
    from, and no environment at all."""
    plain = _with_database(plain)
    takers = sense.serving(plain)
    smokes = {
        name: {"role": takers[0]} | smoke if "path" in smoke and takers else smoke
        for name, smoke in sense.tables(plain, "smoke").items()
    }
    found = plain | ({"smoke": smokes} if smokes else {})
    return (
        found
        if found.get("environment")
        else {k: v for k, v in found.items() if k != "environment"}
    )


def _with_database(plain: Plain) -> Plain:
    """The database as a setting or secret of each environment that names none of its own, and as
    what a migration backs up."""
    database = plain.get("database")
    if database is None:
        return plain
    setting = database.get("setting", Database("").setting)
    given = plain.get("environment") or {"local": {"branch": "main"}}
    whole = {name: _handed(one, database["kind"], setting) for name, one in given.items()}
    migrate = plain.get("migrate")
    if migrate and migrate.get("backup", True):
        plain = plain | {"migrate": {"database": setting} | migrate}
    return plain | {"environment": whole}


def _handed(environment: Plain, kind: str, setting: str) -> Plain:
    settings, secrets = environment.get("settings", {}), environment.get("secrets", [])
    if setting in settings or setting in secrets:
        return environment
    if kind == "sqlite":
        return environment | {"settings": settings | {setting: SQLITE}}
    return environment | {"secrets": [*secrets, setting]}
