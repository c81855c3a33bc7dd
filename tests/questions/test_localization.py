"""The question on trees: every planted defect is found, and nothing else is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fairlead.checks.model import Answer, Asked, Level, Reply
from fairlead.manifest.questions import Localization
from fairlead.questions import localization
from needs import needs

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "localization"
OURS = {"expected.txt", "asked.json"}
TRIED = sorted(path.parent for path in CASES.glob("*/*/expected.txt"))


def laid_out(case: Path, tree: Path) -> Localization:
    """The clean tree of the case's format with the case's files in it; what is asked of it."""
    for source in (case.parent / "clean", case):
        shutil.copytree(
            source, tree, dirs_exist_ok=True, ignore=lambda _folder, names: OURS & set(names)
        )
    told = case / "asked.json"
    options = json.loads(told.read_text()) if told.exists() else {}
    return msgspec.convert(options, Localization)


def ask(tree: Path, question: Localization | None = None) -> Reply:
    return localization.answer(Asked(question or Localization(), str(tree), str(tree)))


def told(reply: Reply) -> str:
    lines = [str(reply.answer)]
    for one in reply.findings:
        lines.append(f"{one.level} {one.rule} {one.path}:{one.line} {one.subject}")
    if reply.answer is Answer.NOT_KNOWN:
        lines.append(reply.reason)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", TRIED, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case(case: Path, tmp_path: Path) -> None:
    """A tree with one defect gives the findings that the case says, at these lines, each with
    what to do next and with a name for a waiver."""
    reply = ask(tmp_path, laid_out(case, tmp_path))
    assert told(reply) == (case / "expected.txt").read_text()
    assert all(one.hint and one.subject and one.message for one in reply.findings)


# What msgfmt does not ask. In everything else it must agree.
ONLY_OURS = {
    "markup-lost",
    "markup-open",
    "plural-header-too-few",
    "placeholder-without-flag",
    "missing-in-a-whole-language",
}


def test_msgfmt_agrees(tmp_path: Path) -> None:
    """`msgfmt -c` refuses the same gettext files, but for what it does not ask."""
    msgfmt = needs("msgfmt", package="gettext", adds="judge our reading of .po files")
    for case in (one for one in TRIED if one.parent.name == "gettext"):
        tree = tmp_path / case.name
        question = laid_out(case, tree)
        reply = ask(tree, msgspec.structs.replace(question, code=(), documents=()))
        errors = any(one.level is Level.ERROR for one in reply.findings)
        judged = [
            subprocess.run([msgfmt, "-c", "-o", os.devnull, path], capture_output=True).returncode
            for path in sorted(tree.rglob("*.po"))
        ]
        assert any(judged) == (errors and case.name not in ONLY_OURS), case.name


def test_the_example_passes() -> None:
    """The catalogs of examples/riverside have no finding, with both languages named whole, and
    with the keys that its code uses."""
    question = Localization(languages=("de", "fr"), code=("levels/**/*.py", "levels/**/*.html"))
    reply = ask(ROOT / "examples" / "riverside", question)
    assert (reply.answer, reply.findings) == (Answer.PASSED, ())


def test_without_a_catalog_it_is_not_applicable(tmp_path: Path) -> None:
    """A tree with no catalog is not applicable, with the rule that says so."""
    (tmp_path / "package.json").write_text("{}")
    reply = ask(tmp_path)
    assert (reply.answer, reply.reason) == (
        Answer.NOT_APPLICABLE,
        "no file of the tree is a catalog",
    )


def test_a_named_file_without_a_language_is_not_known(tmp_path: Path) -> None:
    """A file that is named and whose language cannot be told is never a pass."""
    (tmp_path / "texts.json").write_text("{}")
    reply = ask(tmp_path, Localization(files=("texts.json",)))
    assert reply.answer is Answer.NOT_KNOWN
    assert "texts.json: its path names no language" in reply.reason


def test_a_large_file_is_not_known(tmp_path: Path) -> None:
    """A file of 50 MB is not read, and not called right."""
    (tmp_path / "de.lproj").mkdir()
    with (tmp_path / "de.lproj" / "Localizable.strings").open("wb") as large:
        large.truncate(50 << 20)
    reply = ask(tmp_path)
    assert reply.answer is Answer.NOT_KNOWN
    assert "52,428,800 bytes are more than is read" in reply.reason


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    """A catalog that is a link to somewhere else is not read; one within the tree is read once."""
    outside, tree = tmp_path / "outside.strings", tmp_path / "tree"
    outside.write_text("broken")
    (tree / "de.lproj").mkdir(parents=True)
    (tree / "de.lproj" / "Localizable.strings").symlink_to(outside)
    reply = ask(tree)
    assert reply.answer is Answer.NOT_KNOWN
    assert "a link out of the tree" in reply.reason
    (tree / "de.lproj" / "Localizable.strings").unlink()
    (tree / "en.lproj").mkdir()
    (tree / "en.lproj" / "Localizable.strings").write_text('"a" = "A";\n')
    (tree / "de.lproj" / "Localizable.strings").symlink_to("../en.lproj/Localizable.strings")
    assert ask(tree).answer is Answer.PASSED


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("locales/de.json", b'{"a":' * 100_000),
        ("locales/de.json", b"[" * 1_000_000),
        ("Localizable.xcstrings", b'{"strings":{"a":' + b'{"variations":' * 50_000),
        ("res/values-de/strings.xml", b"<resources>" + b"<b>" * 200_000),
        ("de.lproj/Localizable.strings", b'"' + b"\\" * 1_000_001),
        ("de.lproj/Localizable.strings", b"/*" * 500_000),
        ("po/de.po", b'msgid "a"\nmsgstr "' + b"\\" * 1_000_001),
        (
            "po/de.po",
            b'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=' + b"(" * 900 + b'n;\\n"',
        ),
        ("lib/l10n/app_de.arb", b'{"a":"' + b"{a,plural,other{" * 5_000 + b'"}'),
        ("de.lproj/Localizable.strings", b"\x00\x01\x02"),
        ("locales/de.json", b'{"a": "\\u0000"}'),
    ],
)
def test_hostile_files_are_broken_and_no_more(path: str, data: bytes, tmp_path: Path) -> None:
    """Depth, open quotes and zero bytes are an error with a line, at once."""
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_bytes(data)
    reply = ask(tmp_path)
    assert reply.answer is Answer.FAILED
    assert all(one.line >= 1 for one in reply.findings if one.level is Level.ERROR)


def test_it_is_asked_as_a_process(tmp_path: Path) -> None:
    """As it runs for a change: a process of its own reads what is asked and writes the reply."""
    case = CASES / "gettext" / "duplicate"
    question = laid_out(case, tmp_path / "tree")
    asked = tmp_path / "asked.json"
    asked.write_bytes(msgspec.json.encode(Asked(question, str(tmp_path / "tree"), str(tmp_path))))
    command = [sys.executable, "-I", "-m", "fairlead.questions", asked, tmp_path / "reply.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    reply = msgspec.json.decode((tmp_path / "reply.json").read_bytes(), type=Reply)
    assert told(reply) == (case / "expected.txt").read_text()
    assert "locale/de/LC_MESSAGES/boats.po:13: error: 'Boats' stands twice" in done.stdout
