"""Each format's reader: what it makes of a file, and that nothing else comes out of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.checks.model import Level
from fairlead.localization import gettext, reading, strings
from fairlead.localization.gettext import CONTEXT
from fairlead.localization.model import Broken, Catalog, Family, Format, Place, State, Unread
from fairlead.localization.rules import Wanted, findings

PIECES = st.sampled_from(
    [
        *(
            'msgid "',
            'msgstr "',
            "msgid_plural ",
            "msgstr[0] ",
            "msgctxt ",
            '"',
            "\n",
            "#~ ",
            "#, ",
        ),
        *("fuzzy", "python-format", "\\n", "\\", "%(a)s", "{a}", "{a, plural, other{#}}", "%1$@"),
        *("{", "}", "[", "]", ":", ",", '"a"', "null", "false", '"strings"', '"localizations"'),
        *('"sourceLanguage"', '"stringUnit"', '"value"', '"variations"', '"plural"', '"other"'),
        *("/*", "*/", "//", ";", "=", "'", "<b>", "</b>", "<resources>", "</resources>"),
        *(
            '<string name="a">',
            "</string>",
            '<plurals name="b">',
            "</plurals>",
            "<item>",
            "</item>",
        ),
        *("<plist>", "</plist>", "<dict>", "</dict>", "<key>", "</key>", "<?xml", "<!DOCTYPE x ["),
        *(
            "<!ENTITY a 'b'>",
            "]>",
            "&a;",
            "\x00",
            "\ufeff",
            "é",
            "\ud83c"[:0],
            " ",
            "Plural-Forms:",
        ),
    ]
)
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode()),
    st.lists(PIECES, max_size=20).map(lambda pieces: "".join(pieces).encode("utf-16")),
)


@pytest.mark.parametrize("kind", list(Format))
@given(data=FILES)
def test_a_reader_raises_nothing_but_ours(kind: Format, data: bytes) -> None:
    """Whatever bytes a file has, it is a catalog, broken in a line, or not read; and what is read
    can be looked at."""
    place = Place("res/values-de/strings.xml", kind, "de", "{}")
    try:
        held = reading.catalogs(place, data, "en")
    except (Broken, Unread) as error:
        held = ()
        broken = error
    else:
        broken = None
    assert not isinstance(broken, Broken) or (broken.line >= 1 and broken.what)
    for family in reading.families([(place, held)]):
        assert all(one.rule for one in findings([family], Wanted("de")))


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@given(said=st.dictionaries(KEYS, KEYS | st.just(""), max_size=8))
def test_json_says_what_python_says(said: dict[str, str]) -> None:
    """Our reader of JSON reads what the standard library writes."""
    place = Place("locales/de.json", Format.JSON, "de", "{}")
    (catalog,) = reading.catalogs(place, json.dumps(said, indent=1).encode(), "en")
    assert {entry.key: entry.texts[0].value for entry in catalog.entries} == said
    assert [entry.line for entry in catalog.entries] == list(range(2, len(said) + 2))


@given(texts=st.dictionaries(KEYS, KEYS | st.just(""), max_size=8))
def test_a_catalog_is_right_beside_itself(texts: dict[str, str]) -> None:
    """A translation that says what its source says has no finding, but that a text is empty."""
    lines = "".join(f"{_quoted(key)} = {_quoted(text)};\n" for key, text in texts.items())
    both = tuple(strings.read(f"{one}.strings", one, lines.encode()) for one in ("en", "de"))
    found = findings([Family("{}", both)], Wanted("en"))
    mixed = {one for one in found if one.rule == "localization.placeholder"}
    assert {one.rule for one in found} <= {"localization.untranslated", "localization.placeholder"}
    assert all("mixes" in one.message for one in mixed)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def po(text: str) -> Catalog:
    return gettext.read("po/de.po", "de", text.encode())


def test_gettext_joins_strings_and_undoes_escapes() -> None:
    """Strings that follow each other are one text; lines are those of the keywords."""
    (entry,) = po('#: a.py:1\nmsgctxt "c"\nmsgid ""\n"a\\t"\n"\\x41\\101"\nmsgstr "b"\n').entries
    assert (entry.key, entry.line, entry.texts[0].line) == (f"c{CONTEXT}a\tAA", 2, 6)


def test_gettext_needs_no_blank_line_between_messages() -> None:
    """A keyword or a comment after a msgstr begins the next message."""
    found = po('msgid "a"\nmsgstr "b"\nmsgid "c"\nmsgstr "d"\n#, fuzzy\nmsgid "e"\nmsgstr "f"\n')
    assert [(one.key, one.state) for one in found.entries] == [
        ("a", State.DONE),
        ("c", State.DONE),
        ("e", State.FUZZY),
    ]


def test_gettext_counts_obsolete_messages() -> None:
    """Obsolete messages are no entries; one note says how many there are."""
    found = po('msgid "a"\nmsgstr "b"\n\n#~ msgid "c"\n#~ msgstr "d"\n#~ msgid "e"\n#~ msgstr ""\n')
    assert [one.key for one in found.entries] == ["a"]
    (mistake,) = found.mistakes
    assert (mistake.level, mistake.line) == (Level.NOTE, 4)
    assert mistake.message == "2 obsolete messages (#~) are kept"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('msgstr "a"\n', 1, "msgstr without a msgid before it"),
        ('msgid "a"\nmsgstr[0] "b"\n', 2, "msgstr[0], where msgstr belongs"),
        (
            'msgid "a"\nmsgid_plural "b"\nmsgstr "c"\n',
            3,
            "msgstr, where msgstr[0] and so on belongs",
        ),
        ('msgid "a"\nmsgstr "b"\n#~ "c"\n', 3, "a message is obsolete (#~) in some of its lines"),
        ('msgid "a"\nmsgstr "b"\nhello\n', 3, "no keyword of gettext begins this line: 'hello'"),
        ('msgid "a"\nmsgstr "b"\n"c" d\n', 3, "a string is not closed on its line"),
    ],
)
def test_gettext_says_where_it_breaks(text: str, line: int, what: str) -> None:
    """A file that is no gettext is broken in one line, with what is wrong there."""
    with pytest.raises(Broken) as error:
        po(text)
    assert (error.value.line, error.value.what[: len(what)]) == (line, what)


def test_strings_read_what_apple_writes() -> None:
    """Escapes, keys without quotes, a key alone, comments and pairs of \\U are read."""
    text = '// a\nplain = "x";\n"alone";\n/* b\n c */ "\\"q\\"" = "\\U00e9\\ud83c\\udf00\\n";\n'
    found = strings.read("de.lproj/a.strings", "de", text.encode())
    assert [(one.key, one.texts[0].value, one.line) for one in found.entries] == [
        ("plain", "x", 2),
        ("alone", "alone", 3),
        ('"q"', "é🌀\n", 5),
    ]


def test_strings_may_be_a_property_list() -> None:
    """A `.strings` file may be an XML property list; a binary one is not read."""
    xml = "<?xml version='1.0'?><plist><dict>\n<key>a</key><string>b</string></dict></plist>"
    (entry,) = strings.read("a.strings", "de", xml.encode()).entries
    assert (entry.key, entry.line, entry.texts[0].value) == ("a", 2, "b")
    with pytest.raises(Unread):
        strings.read("a.strings", "de", b"bplist00")
