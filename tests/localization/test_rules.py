"""What is made of catalogs: levels, sources, languages that speak for others."""

import pytest
from msgspec import structs

from fairlead.checks.model import Finding, Level
from fairlead.localization.icu import Wrong, message
from fairlead.localization.keys import Keys
from fairlead.localization.languages import categories, fallbacks, is_language, normal
from fairlead.localization.markup import difference
from fairlead.localization.mentions import in_code, in_document
from fairlead.localization.model import Catalog, Entry, Family, Format, Syntax, Text
from fairlead.localization.placeholders import found
from fairlead.localization.places import candidates
from fairlead.localization.rules import LISTED, Wanted, findings


def catalog(language: str, **texts: str) -> Catalog:
    entries = tuple(
        Entry(key, line, (Text(text, line),), syntax=Syntax.JSON)
        for line, (key, text) in enumerate(texts.items(), 1)
    )
    return Catalog(f"{language}.json", Format.JSON, language, entries)


def look(*catalogs: Catalog, source: str = "en", whole: tuple[str, ...] = ()) -> list[Finding]:
    return list(findings([Family("{}.json", catalogs)], Wanted(source, whole)))


def test_a_missing_text_weighs_by_whether_the_language_must_be_whole() -> None:
    """A key that is missing is a warning, and an error in a language that is named."""
    both = catalog("en", a="A", b="B"), catalog("pt-BR", a="A")
    assert [one.level for one in look(*both)] == [Level.WARNING]
    assert [one.level for one in look(*both, whole=("pt_BR",))] == [Level.ERROR]


def test_a_named_language_without_a_catalog_is_an_error() -> None:
    """A language that must be whole and is not there is missing."""
    (one,) = look(catalog("en", a="A"), whole=("fr",))
    assert (one.rule, one.level) == ("localization.missing", Level.ERROR)


def test_a_language_speaks_for_its_regions() -> None:
    """What de says need not be said again in de-AT, nor what en says in en-GB."""
    assert (
        look(catalog("en", a="A"), catalog("en-GB"), catalog("de", a="B"), catalog("de-AT")) == []
    )


def test_a_region_may_be_the_source() -> None:
    """Without `en` itself, `en-US` is the source."""
    (one,) = look(catalog("en-US", a="A", b="B"), catalog("de", a="A"))
    assert one.message == "de lacks 'b'"


def test_without_a_source_languages_are_compared_with_each_other() -> None:
    """Where no catalog is in the source's language, what one has and another has not is told."""
    rules = [
        (one.rule, one.level) for one in look(catalog("de", a="A"), catalog("fr", a="A", b="B"))
    ]
    assert rules == [
        ("localization.missing", Level.WARNING),
        ("localization.source", Level.NOTE),
    ]


def test_many_warnings_are_counted() -> None:
    """Of many warnings of one rule for one file the first are listed, and the others counted."""
    source = catalog("en", **{f"k{number}": "text" for number in range(50)})
    told = look(source, catalog("de"))
    assert len(told) == LISTED + 1
    assert told[-1].message == "30 more of localization.missing in de"
    assert len(look(source, catalog("de"), whole=("de",))) == 50


def test_what_has_no_words_needs_no_translation() -> None:
    """A text of placeholders and marks alone is not missing."""
    assert look(catalog("en", a="{{x}}: 10 %", b="…"), catalog("de")) == []


def single(syntax: Syntax, kind: Format, source: str, translation: str) -> list[Finding]:
    both = [
        Catalog(name, kind, language, (Entry("a", 1, (Text(text, 1),), syntax=syntax),))
        for name, language, text in (("x", "en", source), ("y", "hu", translation))
    ]
    return look(*both)


def test_a_per_cent_sign_in_prose_is_no_placeholder() -> None:
    """Hungarian's "%-a" and German's "100%ige" are prose where the source has no placeholder."""
    for text in ("ennek %-a", "100%ige Boote"):
        assert single(Syntax.APPLE, Format.STRINGS, "part", text) == []
    (one,) = single(Syntax.APPLE, Format.STRINGS, "part", "rész %@")
    assert one.rule == "localization.placeholder"


def test_other_is_for_fractions_in_polish() -> None:
    """On Android, where plurals count whole numbers, Polish needs no `other`."""
    forms = [Text("%d", 1, plural=form) for form in ("one", "few", "many")]
    source = [Text("%d", 1, plural=form) for form in ("one", "other")]
    both = [
        Catalog(name, Format.ANDROID, name, (Entry("plurals/a", 1, tuple(texts)),))
        for name, texts in (("en", source), ("pl", forms))
    ]
    assert look(*both) == []


def test_half_of_a_plural_is_an_error() -> None:
    """An empty form beside one that says something is seen by users: an error in any language."""
    texts = Text("%d boat", 1, plural="one"), Text("%d boats", 1, plural="other")
    empty = Text("%d Boot", 1, plural="one"), Text("", 2, plural="other")
    both = [
        Catalog(name, Format.ANDROID, name, (Entry("plurals/a", 1, said),))
        for name, said in (("en", texts), ("de", empty))
    ]
    (one,) = look(*both)
    assert (one.rule, one.level, one.line) == ("localization.untranslated", Level.ERROR, 2)


def test_a_subject_does_not_hold_the_line() -> None:
    """A finding's subject is the same when lines move."""
    wrong = catalog("de", a="{{y}}")
    moved = structs.replace(wrong, entries=(structs.replace(wrong.entries[0], line=9),))
    before, after = (look(catalog("en", a="{{x}}"), one)[0] for one in (wrong, moved))
    assert before.subject == after.subject == "de: a"


@pytest.mark.parametrize(
    ("language", "needed"),
    [
        ("pl", {"one", "few", "many"}),
        ("ar", {"zero", "one", "two", "few", "many", "other"}),
        ("ja", {"other"}),
        ("fr", {"one", "other"}),
        ("cs", {"one", "few", "other"}),
        ("iw", {"one", "two", "other"}),
        ("pt-BR", {"one", "other"}),
        ("tlh", set()),
    ],
)
def test_plural_forms_are_those_of_whole_numbers(language: str, needed: set[str]) -> None:
    """What only fractions or millions have is not needed; an unknown language needs nothing."""
    assert set(categories(language)) == needed


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("pt-br", "pt_BR"), ("sr@latin", "sr_Latn"), ("b+sr+Latn", "sr_Latn"), ("in", "id")],
)
def test_a_language_has_one_spelling(name: str, spelled: str) -> None:
    """However a path writes a language, it is one."""
    assert normal(name) == spelled
    assert fallbacks("zh_Hant_HK") == ("zh_Hant", "zh")
    assert not is_language("common")


@pytest.mark.parametrize(
    ("path", "language", "family"),
    [
        ("app/locale/de/LC_MESSAGES/django.po", "de", "app/locale/{}/LC_MESSAGES/django.po"),
        ("po/pt_BR.po", "pt_BR", "po/{}.po"),
        ("languages/boats-de_DE.po", "de_DE", "languages/boats-{}.po"),
        ("Boats/zh-Hans.lproj/Localizable.strings", "zh-Hans", "Boats/{}.lproj/Localizable"),
        ("Boats/Base.lproj/Main.stringsdict", "Base", "Boats/{}.lproj/Main"),
        ("res/values/strings.xml", "", "res/values{}"),
        ("res/values-pt-rBR/strings.xml", "pt-BR", "res/values{}"),
        ("res/values-mcc310-de/strings.xml", "de", "res/values{}"),
        ("res/values-b+sr+Latn/strings.xml", "sr-Latn", "res/values{}"),
        ("lib/l10n/app_de.arb", "de", "lib/l10n/app_{}.arb"),
        ("public/locales/de/common.json", "de", "public/locales/{}/common.json"),
        ("src/i18n/de.json", "de", "src/i18n/{}.json"),
        ("src/translations/messages.de.json", "de", "src/translations/messages.{}.json"),
    ],
)
def test_a_path_tells_language_and_family(path: str, language: str, family: str) -> None:
    """Each format's custom of naming is known."""
    (place,) = candidates([path], named=False)
    assert (place.language, place.family) == (language, family)


@pytest.mark.parametrize(
    "path",
    [
        "package.json",
        "res/values-night/colors.xml",
        "res/values-car/strings.xml",
        "a/de/x.json",
        "node_modules/x/locales/de.json",
        "src/i18n/config.json",
        "notes.strings",
    ],
)
def test_another_file_is_no_catalog(path: str) -> None:
    """What only looks like a catalog is left alone."""
    assert candidates([path], named=False) == ()


@pytest.mark.parametrize(
    ("text", "syntax", "known"),
    [
        ("%@ %d %lld %%", Syntax.APPLE, {"1": "object", "2": "integer", "3": "long integer"}),
        ("%2$@ %1$ld", Syntax.APPLE, {"2": "object", "1": "long integer"}),
        ("%*d", Syntax.C, {"1": "integer", "2": "integer"}),
        ("100 % of %s%n", Syntax.JAVA, {"1": "text"}),
        ("%(a)s %(b)03d %%", Syntax.PYTHON, {"a": "text", "b": "integer"}),
        ("{a!r:>{b}} {{x}} {}", Syntax.BRACE, {"a": "", "1": ""}),
        (
            "{{a}} {{- b, upper}} $t(c.d) ${e} %{f}",
            Syntax.JSON,
            dict.fromkeys("abef", "") | {"c.d": ""},
        ),
        ("{{ a } { b}", Syntax.JSON, {"b": ""}),
        ("%1 %L2 %n", Syntax.QT, {"1": "", "2": "", "n": ""}),
        ("%{a} %<b>d", Syntax.RUBY, {"a": "", "b": "integer"}),
    ],
)
def test_placeholders(text: str, syntax: Syntax, known: dict[str, str]) -> None:
    """Each syntax's placeholders are found with their types, and nothing else."""
    assert found(text, syntax).known == known


@pytest.mark.parametrize(
    "text",
    [
        *("{", "}", "{}", "{a", "{a,}", "{a, plural}"),
        *("{a, plural, one {x}}", "{a, select, other x}", "{a, plural, other {x}"),
        "{a, plural, one {x} one {y} other {z}}",
    ],
)
def test_a_text_that_is_no_icu_message(text: str) -> None:
    """What ICU refuses is refused."""
    with pytest.raises(Wrong):
        message(text)


def test_icu_arguments_and_quotes() -> None:
    """Arguments are found at every depth; an apostrophe quotes before a brace only."""
    text = "it's '{no}' {a} {n, plural, offset:1 =0 {none} other {# of {b, date, short}}}"
    read = message(text)
    assert read.arguments == {"a": "", "n": "plural", "b": "date"}
    assert read.options == [("n", "plural", ("=0", "other"))]


@pytest.mark.parametrize(
    ("source", "translation", "what", "harmless"),
    [
        ("<b>x</b>", "<b>x", "opens <b> and does not close it", False),
        ("<b>x</b>", "x</b>", "closes </b>, which is not open", False),
        ('<a href="x">y</a>', "y", "lacks <a>", False),
        ("<link>x</link>", "<lnik>x</lnik>", "lacks <link>", False),
        ("x<br>y", "x y", "lacks <br>", True),
        ("x", "<i>x</i>", "has <i>, which the source has not", True),
    ],
)
def test_markup(source: str, translation: str, what: str, harmless: bool) -> None:
    """A tag that is lost, open or new is told."""
    told = difference(source, translation)
    assert told is not None
    assert (told.what, told.harmless) == (what, harmless)


@pytest.mark.parametrize(
    ("source", "translation"),
    [("run <file>", "starte <Datei>"), ("a < b > c", "a < b"), ("<1>x</1>", "y <1>x</1>")],
)
def test_what_is_no_markup(source: str, translation: str) -> None:
    """A word in angle brackets that nothing closes is prose."""
    assert difference(source, translation) is None


@pytest.mark.parametrize(
    ("path", "text", "keys"),
    [
        (
            "a.py",
            '_("a")\npgettext("c", "b")\nngettext("d", "ds", 2)\n_(f"{x}")',
            ["a", "c\x04b", "d"],
        ),
        ("a.html", '{% translate \'a\' %}{% trans "b" context "c" %}', ["a", "c\x04b"]),
        ("a.ts", "t('a'); i18n.t(`x`); part('b'); // t('c')\nt(`d`)", ["a"]),
        ("a.vue", "{{ $t('a.b') }}", ["a.b"]),
        ("a.swift", 'NSLocalizedString("a", comment: "")\nString(localized: "b \\(x)")', ["a"]),
        ("a.m", 'NSLocalizedString(@"a", nil)', ["a"]),
        ("a.kt", "R.string.a + android.R.string.ok + R.plurals.b", ["string/a", "plurals/b"]),
        ("a.xml", "android:text='@string/a' other='@android:string/ok'", ["string/a"]),
        ("a.dart", "AppLocalizations.of(context)!.title", ["title"]),
    ],
)
def test_keys_in_code(path: str, text: str, keys: list[str]) -> None:
    """Calls with a plain text name a key; what is put together does not."""
    assert [one.key for one in in_code(path, text)] == keys


def test_keys_in_documents() -> None:
    """A table of keys, a call, and a word in back-quotes that begins as keys do."""
    text = (
        "| Message key |\n|---|\n| `any thing` |\n\n`boats.x` `other.x` `boats.json` R.string.y\n"
    )
    found_ = [(one.key, one.line) for one in in_document(text, frozenset({"boats"}))]
    assert found_ == [("any thing", 3), ("boats.x", 5), ("string/y", 5)]


def test_a_format_without_catalogs_is_not_asked() -> None:
    """A gettext call is nothing to JSON catalogs."""
    keys = Keys([Family("{}.json", (catalog("en", a="A"),))], "en")
    assert [keys.lacks(one) for one in in_code("a.py", '_("x")')] == [False]
    assert [keys.lacks(one) for one in in_code("a.js", "t('x')")] == [True]
