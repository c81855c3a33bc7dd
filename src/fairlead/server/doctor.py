"""What a look at a living server means, a line for each thing. Pure."""

from collections.abc import Iterator

from fairlead.server.model import Answer, Difference, Finding, Health, Program
from fairlead.server.wanted import AGENT, GIT, KEYS

LEAST_DISK = 1 << 30
LEAST_MEMORY = 128 << 20
"""Bytes: below, the next release may not fit."""

LEAST_DAYS = 14
"""Days that a certificate should still hold: renewal begins at 30, so it has failed for two weeks."""

SKEW = 5.0
"""Seconds that the record may be ahead of the clock."""

_MB = 1 << 20
_DAY = 86_400.0


def findings(
    found: Difference, health: Health, program: Program, proxy: str
) -> tuple[Finding, ...]:
    """All of them, in the order in which one would mend them."""
    return (
        *_installed(found),
        _agent(health, program),
        *_units(health),
        _proxy(health, proxy),
        _sshd(health),
        _disk(health),
        _memory(health),
        _clock(health),
        *_certificates(health),
        _reboot(health),
    )


def well(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing is wrong; what is not known is said, and is not ok either."""
    return all(one.answer is Answer.OK for one in findings)


def _ok(thing: str, sentence: str) -> Finding:
    return Finding(thing, Answer.OK, sentence)


def _wrong(thing: str, sentence: str, mend: str) -> Finding:
    return Finding(thing, Answer.WRONG, sentence, mend)


def _unknown(thing: str, sentence: str, mend: str) -> Finding:
    return Finding(thing, Answer.UNKNOWN, sentence, mend)


def _installed(found: Difference) -> Iterator[Finding]:
    for one in found.held:
        yield _wrong(one.thing, one.what, one.hint)
    for step in found.steps:
        was = f", is {step.before}" if step.before and "\n" not in step.before else ""
        yield _wrong(step.thing, f"to {step.do}: {step.why}{was}", "fairlead server install")
    if not found.steps and not found.held:
        yield _ok("installed", "users, directories, files and units are as they should be")


def _agent(health: Health, program: Program) -> Finding:
    if health.agent is None:
        return _wrong("agent", "it does not answer", f"systemctl restart {AGENT}")
    version, directory = health.agent
    if directory != program.directory:
        what = f"it runs from {directory}, and {program.directory} is installed"
        return _wrong("agent", what, f"systemctl restart {AGENT}")
    return _ok("agent", f"version {version} answers")


def _units(health: Health) -> Iterator[Finding]:
    for unit in health.failed:
        yield _wrong(unit, "it failed", f"journalctl --unit {unit} --lines 50")
    for unit in health.masked:
        yield _wrong(unit, "somebody masked it", f"systemctl unmask {unit}")
    if not health.failed and not health.masked:
        yield _ok("units", "none failed, none is masked")


def _proxy(health: Health, proxy: str) -> Finding:
    if not health.proxy_runs:
        return _wrong(proxy, "it does not run", f"systemctl enable --now {proxy}")
    if health.proxy_refuses:
        what = f"it would not take its configuration again: {health.proxy_refuses}"
        return _wrong(proxy, what, f"{proxy} -t")
    return _ok(proxy, "it runs, and its configuration is valid")


def _sshd(health: Health) -> Finding:
    said, mend = health.sshd, f"sshd -T -C user={GIT},host=x,addr=127.0.0.1"
    if not said:
        return _unknown("ssh", "sshd does not say what it would do for a push", mend)
    file = said.get("authorizedkeysfile", "")
    if file != KEYS:
        return _wrong("ssh", f"it reads the keys of {GIT} from {file}, not from {KEYS}", mend)
    if said.get("disableforwarding") != "yes" or said.get("permittty") != "no":
        return _wrong("ssh", f"{GIT} gets more than git: forwarding or a terminal", mend)
    if said.get("pubkeyauthentication") != "yes":
        return _wrong("ssh", "it takes no keys at all (PubkeyAuthentication)", mend)
    for key in ("allowusers", "allowgroups"):
        if key in said and GIT not in said[key].split():
            return _wrong("ssh", f"{key} does not name {GIT}: no push comes in", mend)
    for key in ("denyusers", "denygroups"):
        if GIT in said.get(key, "").split():
            return _wrong("ssh", f"{key} names {GIT}: no push comes in", mend)
    return _ok("ssh", "keys of ours are accepted, for git and nothing else")


def _disk(health: Health) -> Finding:
    free, total = health.disk
    sentence = f"{free // _MB:,} of {total // _MB:,} MB free"
    if free < LEAST_DISK:
        what = f"{sentence}; a release needs room for its files and a backup"
        return _wrong("disk", what, "du -xsh /var/lib/fairlead/* /var/log | sort -h")
    return _ok("disk", sentence)


def _memory(health: Health) -> Finding:
    free, total = health.memory
    sentence = f"{free // _MB:,} of {total // _MB:,} MB available"
    if free < LEAST_MEMORY:
        return _wrong("memory", f"{sentence}; two releases must fit", "ps aux --sort=-rss | head")
    return _ok("memory", sentence)


def _clock(health: Health) -> Finding:
    ahead = health.recorded - health.now
    if ahead > SKEW:
        what = f"it is {ahead:,.0f} s behind the newest entry of the record"
        return _wrong("clock", what, "timedatectl set-ntp true")
    if health.synchronised is None:
        return _unknown("clock", "whether it is synchronised is not known", "timedatectl")
    if not health.synchronised:
        return _wrong("clock", "it is not synchronised", "apt install systemd-timesyncd")
    return _ok("clock", "it is synchronised")


def _certificates(health: Health) -> Iterator[Finding]:
    for path, until in health.certificates:
        days = (until - health.now) / _DAY
        if days < 0:
            yield _wrong(path, f"the certificate ended {-days:.0f} days ago", _end(path))
        elif days < LEAST_DAYS:
            yield _wrong(path, f"the certificate ends in {days:.0f} days", _end(path))
        else:
            yield _ok(path, f"the certificate holds for {days:.0f} days")


def _end(path: str) -> str:
    return f"openssl x509 -noout -enddate -in {path}"


def _reboot(health: Health) -> Finding:
    if health.reboot:
        what = "packages were upgraded that are in force after a reboot only"
        return _wrong("reboot", what, "systemctl reboot; every app starts again by itself")
    return _ok("reboot", "none is pending")
