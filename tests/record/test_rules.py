"""One sentence for every entry."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.journal import FACTS, Outcome, Verb
from fairlead.record.model import Entry
from fairlead.record.rules import duration, sentence, short

AT = "2026-11-21T12:00:00.000000Z"
MAIN = "refs/heads/main"
COMMIT, DIGEST = "1a2b3c4" + "0" * 33, "sha256:" + "ab12" * 16


def entry(verb: str, outcome: str = "done", **more: object) -> Entry:
    fields = {
        "who": "anna",
        "why": "",
        "app": "riverside",
        "environment": "local",
        "release": 7,
        **more,
    }
    return Entry(1, AT, verb, outcome, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (entry("push", facts={"ref": MAIN, "commit": COMMIT}), "anna pushed 1a2b3c4 to main"),
        (
            entry("push", "refused", why="check tests failed", facts={"ref": MAIN, "commit": COMMIT}),
            "push of 1a2b3c4 to main by anna refused: check tests failed",
        ),
        (
            entry("push", facts={"ref": MAIN, "commit": COMMIT, "source": "file:///a"}),
            "pulled 1a2b3c4 to main from file:///a",
        ),
        (
            entry(
                "push",
                "intent",
                facts={"ref": MAIN, "commit": COMMIT, "source": "file:///a", "rewritten": True},
            ),
            "pulling 1a2b3c4 to main from file:///a, which was rewritten there",
        ),
        (
            entry("source", facts={"how": "set", "source": "file:///a"}),
            "anna lets riverside be pulled from file:///a",
        ),
        (
            entry("source", facts={"how": "removed", "source": "file:///a"}),
            "anna lets riverside be pulled no more from file:///a",
        ),
        (
            entry("source", facts={"how": "pinned", "source": "a:b", "host_keys": "SHA256:x"}),
            "the host of a:b is known by SHA256:x",
        ),
        (
            entry("source", facts={"how": "gone", "source": "a:b", "branches": "main"}),
            "pulling riverside from a:b: no branch main there: what runs is left",
        ),
        (
            entry("source", "failed", why="no answer", facts={"how": "failed", "source": "a:b"}),
            "pulling riverside from a:b failed: no answer",
        ),
        (
            entry("source", facts={"how": "answers", "source": "a:b"}),
            "pulling riverside from a:b works again",
        ),
        (entry("verify", "intent", facts={"commit": COMMIT}), "checking 1a2b3c4"),
        (
            entry("renew", "intent", why="it ends in 29 days", facts={"names": ("a.example",)}),
            "getting the certificate of a.example: it ends in 29 days",
        ),
        (
            entry("renew", facts={"names": ("a.example", "b.example"), "until": AT}),
            "got the certificate of a.example, b.example until 2026-11-21",
        ),
        (
            entry("renew", "failed", why="no answer", facts={"names": ("a.example",)}),
            "getting the certificate of a.example failed: no answer",
        ),
        (
            entry("renew", facts={"how": "served"}),
            "the proxy serves another certificate at riverside in local",
        ),
        (
            entry(
                "verify",
                "failed",
                facts={"commit": COMMIT, "verdict": "failed", "checks": ("a: passed", "b: failed")},
            ),
            "1a2b3c4: stopped by check b",
        ),
        (
            entry(
                "access", facts={"how": "added", "person": "bo", "keys": ("SHA256:x",),
                "rights": ("push:shop", "read")}
            ),
            "anna added SHA256:x of bo (push:shop, read)",
        ),
        (
            entry(
                "access", "refused", why="bo may not push shop",
                facts={"how": "refused", "person": "bo", "command": "git push"},
            ),
            "bo refused in local: git push: bo may not push shop",
        ),
        (
            entry("server", facts={"how": "upgraded", "version": "2.0"}),
            "anna upgraded the server to 2.0",
        ),
        (
            entry("server", "failed", why="no answer", facts={"how": "upgraded", "version": "2.0"}),
            "the server to 2.0 failed: no answer",
        ),
        (
            entry("database", facts={"how": "created", "database": "fl_tide_local", "role": "r"}),
            "anna created the database fl_tide_local of riverside in local",
        ),
        (
            entry("build", facts={"commit": COMMIT, "digest": DIGEST, "milliseconds": 1234}),
            "built 1a2b3c4: artifact sha256:ab12ab12ab12… in 1.2 s",
        ),
        (entry("release", facts={"commit": COMMIT}), "riverside release 7 made from 1a2b3c4"),
        (
            entry("desire", why="it is slow", facts={"how": "rollback", "revision": COMMIT}),
            "anna went back to riverside release 7 in local (1a2b3c4): it is slow",
        ),
        (
            entry("rollout", facts={"milliseconds": 75_000, "failed": 1}),
            "riverside release 7 in local rolled out in 1 min 15 s, 1 failed request",
        ),
        (
            entry("rollout", "failed", facts={"reason": "worker forecast crashed"}),
            "rollout of riverside release 7 in local failed: worker forecast crashed",
        ),
        (
            entry("rollout", "unknown", why="nobody wrote how it ended"),
            "how the rollout of riverside release 7 in local ended is not known: nobody wrote how it ended",
        ),
        (
            entry("step", facts={"step": "start", "role": "web", "copy": 1, "pid": 4711}),
            "start web.1 of riverside release 7 (process 4711) done",
        ),
        (
            entry("step", "intent", why="two are wanted", facts={"step": "start", "role": "web", "copy": 2}),
            "start web.2 of riverside release 7: two are wanted",
        ),
        (entry("drift", facts={"items": ("web.1 killed",)}), "drift at riverside in local: web.1 killed"),
        (
            entry("lease", facts={"owner": "agent", "taken_from": "pid 12", "reason": "its process is gone"}),
            "agent took the lease of riverside in local from pid 12: its process is gone",
        ),
        (
            entry("approve", facts={"plan": DIGEST}),
            "anna approved riverside release 7 in local (plan sha256:ab12ab12ab12…)",
        ),
        (entry("agent", facts={"pid": 9, "version": "0.1"}), "agent 0.1 started as process 9"),
        (entry("backup", why="nightly"), "backup done riverside release 7 in local: nightly"),
    ],
)  # fmt: skip
def test_sentences(given: Entry, said: str) -> None:
    """What a pusher reads; the last one is a verb that only a newer Fairlead knows."""
    assert sentence(given) == said


@given(text=st.text(max_size=40))
def test_a_sentence_is_one_printable_line(text: str) -> None:
    """Whatever was written, nothing breaks the line or drives the terminal, for every verb and outcome."""
    for verb, outcome in product(Verb, Outcome):
        facts = dict.fromkeys(FACTS[verb], text)
        said = sentence(entry(verb.value, outcome.value, who=text, why=text, facts=facts))
        assert said.isprintable()
        assert said


def test_only_done_and_passed_is_called_passed() -> None:
    """Promise 12: no other verdict reads as one."""
    for outcome, verdict in product(Outcome, ("passed", "failed", "not known", "nonsense")):
        facts = {"commit": COMMIT, "verdict": verdict, "checks": (f"tests: {verdict}",)}
        said = sentence(entry("verify", outcome.value, facts=facts))
        assert ("passed" in said) == (outcome is Outcome.DONE and verdict == "passed"), (
            outcome,
            verdict,
        )


def test_short_forms() -> None:
    """As people write them."""
    assert [short(COMMIT), short(DIGEST), short("")] == ["1a2b3c4", "sha256:ab12ab12ab12…", ""]
    assert [duration(0), duration(49), duration(59_999), duration(60_000)] == [
        "0.0 s",
        "0.0 s",
        "60.0 s",
        "1 min 0 s",
    ]
