"""What every ``VerdictStore`` keeps (fairlead.checks.ports)."""

import msgspec

from fairlead.base.ids import CommitId
from fairlead.checks.model import Answer, CheckResult, Verdict
from fairlead.checks.ports import VerdictStore

COMMIT = CommitId("a" * 40)
VERDICT = Verdict(
    "demo", COMMIT, "b" * 40, (CheckResult("tests", Answer.FAILED, 'exit 1: "ü"\n', 12, "/l"),)
)


class VerdictStoreContract:
    """Subclass it with a ``store`` fixture of an empty store."""

    def test_what_was_put_is_got(self, store: VerdictStore) -> None:
        """Every field, every answer."""
        for answer in Answer:
            verdict = msgspec.structs.replace(
                VERDICT, results=(CheckResult("t", answer, "why"), *VERDICT.results)
            )
            store.put(verdict)
            assert store.get("demo", COMMIT) == verdict

    def test_what_was_not_put_is_none(self, store: VerdictStore) -> None:
        """Per app and per commit."""
        store.put(VERDICT)
        assert store.get("other", COMMIT) is None
        assert store.get("demo", CommitId("c" * 40)) is None
