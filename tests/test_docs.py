"""The pages hold together: no link leads nowhere, no word of a machine of ours."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changelog.d/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)")


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    """A page that was renamed takes its links along."""
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    """The index of the decisions names each of them."""
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    records = [page.name for page in (ROOT / "docs/decisions").glob("[0-9]*.md")]
    assert [name for name in records if name not in index] == []
    numbers = sorted(name[:4] for name in records)
    assert len(numbers) == len(set(numbers))


def test_every_dependency_has_a_decision() -> None:
    """Nothing is depended on without a word on why."""
    told = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs/decisions").glob("*.md"))
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("dependencies = [")[2]
    named = re.findall(r'"([a-z-]+)>=', lines.partition("]")[0])
    named += re.findall(r"^([a-z-]+)", (ROOT / "requirements/dev.in").read_text(), re.MULTILINE)
    assert len(named) > 7
    assert [name for name in named if name not in told] == []
