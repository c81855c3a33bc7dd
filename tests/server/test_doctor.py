"""What a look at a living server means."""

from typing import Any

import msgspec
import pytest

from fairlead.server.doctor import findings, well
from fairlead.server.model import Answer, Difference, Do, Health, Held, Program, Step
from fairlead.server.wanted import KEYS

OWN = Program("/opt/fairlead/1.0-abc", "1.0")
NONE = Difference((), ())
SSHD = {
    "authorizedkeysfile": KEYS, "disableforwarding": "yes", "permittty": "no",
    "pubkeyauthentication": "yes",
}  # fmt: skip
FINE = Health(
    agent=("1.0", OWN.directory),
    failed=(),
    masked=(),
    proxy_runs=True,
    proxy_refuses="",
    disk=(20 << 30, 40 << 30),
    memory=(600 << 20, 1 << 30),
    synchronised=True,
    sshd=SSHD,
    certificates=(("/etc/cert.pem", 60 * 86_400.0),),
    reboot=False,
    now=0.0,
    recorded=0.0,
)


def test_a_server_that_is_well_has_a_line_for_each_thing() -> None:
    """And none of them is wrong."""
    found = findings(NONE, FINE, OWN, "nginx")
    assert well(found)
    assert len(found) == 10
    assert all(one.sentence for one in found)


ILL: dict[str, tuple[dict[str, Any], str]] = {
    "no agent": ({"agent": None}, "it does not answer"),
    "an old agent": ({"agent": ("0.9", "/opt/fairlead/0.9")}, "it runs from /opt/fairlead/0.9"),
    "a failed unit": ({"failed": ("fairlead-x.service",)}, "it failed"),
    "a masked unit": ({"masked": ("fairlead-x.service",)}, "somebody masked it"),
    "no proxy": ({"proxy_runs": False}, "it does not run"),
    "a proxy that refuses": ({"proxy_refuses": 'unknown "x" in y:3'}, 'unknown "x" in y:3'),
    "other keys": ({"sshd": SSHD | {"authorizedkeysfile": "%h/.ssh/k"}}, "from %h/.ssh/k"),
    "a terminal": ({"sshd": SSHD | {"permittty": "yes"}}, "more than git"),
    "no keys": ({"sshd": SSHD | {"pubkeyauthentication": "no"}}, "no keys at all"),
    "not allowed": ({"sshd": SSHD | {"allowusers": "admin"}}, "allowusers does not name"),
    "denied": ({"sshd": SSHD | {"denyusers": "x fairlead"}}, "denyusers names fairlead"),
    "a full disk": ({"disk": (100 << 20, 40 << 30)}, "100 of 40,960 MB free"),
    "little memory": ({"memory": (60 << 20, 1 << 30)}, "60 of 1,024 MB available"),
    "a wild clock": ({"synchronised": False}, "not synchronised"),
    "a clock that went back": ({"recorded": 60.0}, "60 s behind the newest entry"),
    "an old certificate": ({"certificates": (("/c", 3 * 86_400.0),)}, "ends in 3 days"),
    "a dead certificate": ({"certificates": (("/c", -86_400.0),)}, "ended 1 days ago"),
    "a reboot": ({"reboot": True}, "after a reboot"),
}


@pytest.mark.parametrize(("change", "said"), ILL.values(), ids=ILL)
def test_each_trouble_is_one_line_and_the_command_that_mends_it(
    change: dict[str, Any], said: str
) -> None:
    """Everything else stays as it is."""
    found = findings(NONE, msgspec.structs.replace(FINE, **change), OWN, "nginx")
    wrong = [one for one in found if one.answer is Answer.WRONG]
    assert len(wrong) == 1
    assert said in wrong[0].sentence
    assert wrong[0].mend
    assert not well(found)


def test_what_is_not_known_is_not_well() -> None:
    """No answer is never read as success."""
    for change in ({"sshd": {}}, {"synchronised": None}):
        found = findings(NONE, msgspec.structs.replace(FINE, **change), OWN, "nginx")
        assert [one.answer for one in found if one.answer is not Answer.OK] == [Answer.UNKNOWN]
        assert not well(found)


def test_what_install_would_do_is_wrong_now() -> None:
    """And what was edited is named."""
    step = Step(Do.OWN, "/var/lib/fairlead", "all state", before="root 0755")
    held = Held("/etc/x", "/etc/x was changed by hand, and stays so", "--force", ours=True)
    found = findings(Difference((step,), (held,)), FINE, OWN, "nginx")
    wrong = [one for one in found if one.answer is Answer.WRONG]
    assert [one.thing for one in wrong] == ["/etc/x", "/var/lib/fairlead"]
    assert "is root 0755" in wrong[1].sentence
