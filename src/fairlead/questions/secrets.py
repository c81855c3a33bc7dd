"""Whether the tree holds keys, tokens or passwords."""

from fairlead.base.globs import matches
from fairlead.checks.model import Answer, Asked, Finding, Level, Reply
from fairlead.leaks.rules import look
from fairlead.manifest.questions import Secrets
from fairlead.questions._tree import files, start_of

MOST = 4_000_000
"""Bytes of one file. A text that goes on is not known; a binary is data that somebody else made."""


def answer(asked: Asked) -> Reply:
    """Looks into every file of the tree that no glob of ``except`` names."""
    question = asked.question
    assert isinstance(question, Secrets)
    paths = files(asked.tree)
    if not paths:
        return Reply(Answer.NOT_APPLICABLE, "the tree has no file")
    wanted = [path for path in paths if not any(matches(one, path) for one in question.except_)]
    findings: list[Finding] = []
    marked = cut = 0
    for path in wanted:
        data, size = start_of(asked.tree, path, MOST)
        found = look(path, data)
        findings += found.findings
        marked += found.marked
        if size > len(data):
            binary = b"\0" in data[:8192]
            findings.append(_cut(path, size, binary))
            cut += not binary
    return _reply(findings, len(wanted), len(paths) - len(wanted), marked, cut)


def _cut(path: str, size: int, binary: bool) -> Finding:
    return Finding(
        "secrets.large",
        f"{path} has {size:,} bytes; the first {MOST:,} were looked at.",
        Level.NOTE if binary else Level.WARNING,
        path,
        0,
        path,
        "name it in `except`, if it holds no secret",
    )


def _reply(findings: list[Finding], looked: int, left: int, marked: int, cut: int) -> Reply:
    whole = f"{looked} files"
    whole += f", {left} left out by `except`" if left else ""
    whole += f", {marked} marked as none" if marked else ""
    errors = sum(one.level is Level.ERROR for one in findings)
    if errors:
        return Reply(Answer.FAILED, f"{errors} secrets in {whole}", tuple(findings))
    if cut:
        why = f"{cut} texts are larger than {MOST:,} bytes: {whole}"
        return Reply(Answer.NOT_KNOWN, why, tuple(findings))
    return Reply(Answer.PASSED, f"no secret in {whole}", tuple(findings))
