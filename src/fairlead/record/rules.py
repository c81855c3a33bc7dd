"""One plain sentence for an entry, for a pusher's terminal and for ``record show``."""

from collections.abc import Callable

from fairlead.base.journal import Outcome, Verb
from fairlead.record.model import Entry

_SHORT_COMMIT = 7
_SHORT_DIGEST = 12


def short(text: str) -> str:
    """A commit or a digest as people say it: ``1a2b3c4``, ``sha256:ab12cd34ef56…``."""
    algorithm, colon, value = text.partition(":")
    if colon:
        return f"{algorithm}:{value[:_SHORT_DIGEST]}…"
    return text[:_SHORT_COMMIT]


def one_line(text: str) -> str:
    """The text with everything escaped that could forge a line or drive a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def duration(milliseconds: int) -> str:
    """``0.9 s`` below a minute, ``2 min 5 s`` above."""
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds // 60_000} min {milliseconds // 1000 % 60} s"


def counted(number: int, thing: str) -> str:
    """``1 check``, ``3 checks``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def checks(entry: Entry) -> tuple[tuple[str, str], ...]:
    """A verdict's (check, answer) pairs; in the fact each is one text, ``name: answer``."""
    pairs = (text.partition(":") for text in entry.texts("checks"))
    return tuple((name.strip(), answer.strip()) for name, _, answer in pairs if name.strip())


def checks_sentence(entry: Entry) -> str:
    """What a verify outcome says: passed, stopped by which checks, or not known."""
    results = checks(entry)
    if passed(entry):
        return f"{counted(len(results), 'check')} passed" if results else "no checks asked"
    stopped = [name for name, answer in results if answer.startswith("failed")]
    if stopped:
        return f"stopped by {'check' if len(stopped) == 1 else 'checks'} {', '.join(stopped)}"
    unknown = [name for name, answer in results if answer.startswith("not known")]
    if unknown:
        return f"not known: {', '.join(unknown)}"
    return "checks failed" if entry.outcome == Outcome.FAILED else "its checks gave no answer"


def passed(entry: Entry) -> bool:
    """Whether a verify outcome is a pass: an answer other than passed never is (promise 12)."""
    return entry.outcome == Outcome.DONE and entry.text("verdict") in ("", "passed")


def failures(entry: Entry) -> str:
    """``0 failed requests``, or what is known of them."""
    failed = entry.number("failed")
    return "failed requests not counted" if failed is None else counted(failed, "failed request")


def where(entry: Entry) -> str:
    """`` in local``; empty where the entry has no environment."""
    return f" in {entry.environment}" if entry.environment else ""


def named(entry: Entry) -> str:
    """``riverside release 7``."""
    return f"{entry.app} release {entry.release}" if entry.release else entry.app


def sentence(entry: Entry) -> str:
    """The entry as one line of plain English, without its number and time."""
    phrase = _PHRASES.get(entry.verb, _other)(entry)
    return one_line(" ".join(phrase.split()))


def ending(entry: Entry) -> str:
    """``: why`` where something did not go as it should; empty where it did."""
    reason = entry.text("reason") or entry.why
    bad = entry.outcome in (Outcome.FAILED, Outcome.REFUSED, Outcome.UNKNOWN)
    return f": {reason}" if bad and reason else ""


def _tense(entry: Entry, now: str, done: str, thing: str) -> str:
    """``now`` for an intent, ``done`` for a success, else what went wrong with ``thing``."""
    words = {
        Outcome.INTENT.value: now,
        Outcome.DONE.value: done,
        Outcome.FAILED.value: f"{thing} failed",
        Outcome.REFUSED.value: f"{thing} refused",
        Outcome.UNKNOWN.value: f"how the {thing} ended is not known",
    }
    return words.get(entry.outcome, f"{thing} {entry.outcome}") + ending(entry)


def _push(entry: Entry) -> str:
    what = f"{short(entry.text('commit'))} to {entry.text('ref').removeprefix('refs/heads/')}"
    if entry.text("source"):
        return _pull(entry, what)
    return _tense(
        entry,
        f"{entry.who} pushes {what}",
        f"{entry.who} pushed {what}",
        f"push of {what} by {entry.who}",
    )


def _pull(entry: Entry, what: str) -> str:
    again = ", which was rewritten there" if "rewritten" in entry.facts else ""
    origin = f"{what} from {entry.text('source')}{again}"
    return _tense(entry, f"pulling {origin}", f"pulled {origin}", f"pull of {origin}")


def _verify(entry: Entry) -> str:
    commit = short(entry.text("commit"))
    if entry.outcome == Outcome.INTENT:
        return f"checking {commit}"
    return f"{commit}: {checks_sentence(entry)}"


def _build(entry: Entry) -> str:
    commit, took = short(entry.text("commit")), entry.number("milliseconds")
    made = f"built {commit}: artifact {short(entry.text('digest'))}"
    took_text = "" if took is None else f" in {duration(took)}"
    return _tense(entry, f"building {commit}", made + took_text, f"build of {commit}")


def _release(entry: Entry) -> str:
    made = f"made from {short(entry.text('commit'))}"
    return _tense(
        entry, f"making {named(entry)}", f"{named(entry)} {made}", f"making {named(entry)}"
    )


_HOW = {
    "proposed": "proposed",
    "rollback": "went back to",
    "return": "returned to",
    "promote": "promoted",
    "settings": "changed the settings of",
    "secrets": "changed the secrets of",
    "overlay": "changed the overlay of",
}


def _desire(entry: Entry) -> str:
    how, what = _HOW.get(entry.text("how"), "desired"), f"{named(entry)}{where(entry)}"
    revision = f" ({short(entry.text('revision'))})" if entry.text("revision") else ""
    done = f"{entry.who} {how} {what}{revision}"
    if entry.text("how") in ("rollback", "return") and entry.why:
        done += f": {entry.why}"
    if entry.text("how") == "secrets" and not entry.release:
        done += f": {entry.text('secrets_changed')}"
    if entry.text("how") == "overlay":
        done += f": {short(entry.text('overlay'))}"
    if entry.text("how") == "proposed":
        done += ", which waits for approval"
    return _tense(entry, f"{entry.who} asks for {what}", done, f"desiring {what} by {entry.who}")


def _approve(entry: Entry) -> str:
    what = f"{named(entry)}{where(entry)}"
    plan = f" (plan {short(entry.text('plan'))})" if entry.text("plan") else ""
    return _tense(
        entry,
        f"{entry.who} approves {what}",
        f"{entry.who} approved {what}{plan}",
        f"approval of {what}",
    )


def _rollout(entry: Entry) -> str:
    what, took = f"{named(entry)}{where(entry)}", entry.number("milliseconds")
    took_text = "" if took is None else f" in {duration(took)}"
    counted_text = "" if entry.number("failed") is None else f", {failures(entry)}"
    done = f"{what} rolled out{took_text}{counted_text}"
    return _tense(entry, f"rolling out {what}", done, f"rollout of {what}")


def copy_text(entry: Entry) -> str:
    """``web.1``: the copy a step entry is about; "" for none."""
    copy, role = entry.text("copy"), entry.text("role")
    return f"{role}.{copy}" if role and copy.isdecimal() else copy or role


def _step(entry: Entry) -> str:
    """A step that is done says so itself; one that is not says what it was and what happened."""
    thing = f"{entry.text('step') or 'step'} {copy_text(entry)}"
    thing = f"{thing} of {named(entry)}" if entry.release else thing
    pid = f" (process {entry.text('pid')})" if entry.text("pid") else ""
    detail = f": {entry.text('detail')}" if entry.text("detail") else ""
    reason = f": {entry.why}" if entry.why else ""
    if entry.outcome == Outcome.INTENT:
        return f"{thing}{reason}"
    if entry.outcome in (Outcome.INTENT, Outcome.DONE) and entry.why:
        return f"{entry.why}{pid}{detail}"
    if entry.outcome == Outcome.DONE:
        return f"{thing}{pid} done{detail}"
    return _tense(entry, thing, thing, thing) + detail


def _drift(entry: Entry) -> str:
    items = entry.text("items") or entry.why
    return f"drift at {entry.app}{where(entry)}: {items}"


def _adopt(entry: Entry) -> str:
    what = f"drift at {entry.app}{where(entry)}: {entry.text('items')}"
    return _tense(
        entry, f"{entry.who} adopts {what}", f"{entry.who} adopted {what}", f"adopting {what}"
    )


def _clean(entry: Entry) -> str:
    removed = entry.text("removed") or "nothing"
    return _tense(entry, "cleaning up", f"cleaned up: {removed} removed", "clean-up")


def _lease(entry: Entry) -> str:
    what = f"the lease of {entry.app}{where(entry)}"
    since = f" from {entry.text('taken_from')}" if entry.text("taken_from") else ""
    owner = entry.text("owner") or entry.who
    reason = f": {entry.text('reason') or entry.why}" if entry.outcome == Outcome.DONE else ""
    return _tense(
        entry, f"{owner} takes {what}", f"{owner} took {what}{since}{reason}", f"taking {what}"
    )


def _agent(entry: Entry) -> str:
    pid = f" as process {entry.text('pid')}" if entry.text("pid") else ""
    version = f" {entry.text('version')}" if entry.text("version") else ""
    reason = entry.text("reason") or entry.why
    done = f"agent{version}{pid}: {reason}" if reason else f"agent{version} started{pid}"
    return _tense(entry, f"agent{version} starts{pid}", done, "agent")


def _key(entry: Entry) -> str:
    how = entry.text("how") or "used"
    what = (
        f"the key of all secrets ({entry.text('keys')})"
        if entry.text("keys")
        else "the key of all secrets"
    )
    lost = f"; given up: {entry.text('lost')}" if entry.text("lost") else ""
    done = f"{entry.who} {how} {what}{lost}"
    return _tense(entry, f"{entry.who}: {what}: {how}", done, f"{what}: {how}")


def _access(entry: Entry) -> str:
    person = entry.text("person") or "somebody"
    if entry.text("how") == "refused":
        return f"{person} refused{where(entry)}: {entry.text('command')}: {entry.why}"
    keys = entry.text("keys") or "a key"
    what = f"{keys} of {person}"
    rights = f" ({entry.text('rights')})" if entry.text("rights") else ""
    how = entry.text("how") or "changed"
    return _tense(entry, f"{entry.who}: {what}: {how}", f"{entry.who} {how} {what}{rights}", what)


def _server(entry: Entry) -> str:
    how = entry.text("how") or "changed"
    version = f" to {entry.text('version')}" if how == "upgraded" else ""
    what = f"the server{version}"
    return _tense(entry, f"{entry.who}: {what}: {how}", f"{entry.who} {how} {what}", what)


def _database(entry: Entry) -> str:
    what = f"the database {entry.text('database')} of {entry.app}{where(entry)}"
    how = entry.text("how") or "changed"
    return _tense(entry, f"{entry.who}: {what}: {how}", f"{entry.who} {how} {what}", what)


def _renew(entry: Entry) -> str:
    """A renewal says until when it holds; what the proxy began to serve, where that is."""
    names = entry.text("names")
    what = f"the certificate of {names or entry.app + where(entry)}"
    if entry.text("how") == "served" and entry.outcome == Outcome.DONE:
        return f"the proxy serves another certificate at {entry.app}{where(entry)}"
    until = f" until {entry.text('until')[:10]}" if entry.text("until") else ""
    why = f": {entry.why}" if entry.why and entry.outcome == Outcome.INTENT else ""
    return _tense(entry, f"getting {what}{why}", f"got {what}{until}", f"getting {what}")


def _source(entry: Entry) -> str:
    """Who set it, or what a look there came to."""
    what = f"{entry.app} from {entry.text('source')}"
    if entry.text("how") in ("untold", "told"):
        shown = f"showing the answers for {entry.app} at its forge"
        return _tense(entry, shown, f"{shown} works again", shown)
    told = {
        "set": f"{entry.who} lets {entry.app} be pulled from {entry.text('source')}",
        "removed": f"{entry.who} lets {entry.app} be pulled no more from {entry.text('source')}",
        "pinned": f"the host of {entry.text('source')} is known by {entry.text('host_keys')}",
        "answers": f"pulling {what} works again",
        "gone": f"pulling {what}: no branch {entry.text('branches')} there: what runs is left",
    }
    return _tense(entry, f"pulling {what}", told.get(entry.text("how"), what), f"pulling {what}")


def _waive(entry: Entry) -> str:
    """What was let through, until when, and why; or that it is no longer."""
    parts = (entry.text("check"), entry.text("rule"), entry.text("subject"))
    what = f"{' '.join(part for part in parts if part)} of {entry.app}"
    if entry.text("how") == "ended":
        ending = f"ending the waiver of {what}"
        return _tense(entry, ending, f"{entry.who} ended the waiver of {what}", ending)
    done = f"{entry.who} waived {what} until {entry.text('until')}: {entry.why}"
    return _tense(entry, f"waiving {what}", done, f"waiving {what}")


def _client(entry: Entry) -> str:
    """Whom the API is kept for, and until when."""
    what = f"{entry.text('client')} of {entry.app}"
    if entry.text("how") == "ended":
        ending = f"ending the support of {what}"
        return _tense(entry, ending, f"{entry.who} ended the support of {what}", ending)
    at = f" (release {entry.release}) until {entry.text('until')}"
    return _tense(
        entry, f"supporting {what}", f"{entry.who} promised {what}{at}", f"supporting {what}"
    )


def _other(entry: Entry) -> str:
    """For a verb that a newer Fairlead wrote."""
    return f"{entry.verb} {entry.outcome} {named(entry)}{where(entry)}: {entry.why}"


_PHRASES: dict[str, Callable[[Entry], str]] = {
    Verb.PUSH.value: _push,
    Verb.VERIFY.value: _verify,
    Verb.BUILD.value: _build,
    Verb.RELEASE.value: _release,
    Verb.DESIRE.value: _desire,
    Verb.APPROVE.value: _approve,
    Verb.ROLLOUT.value: _rollout,
    Verb.STEP.value: _step,
    Verb.DRIFT.value: _drift,
    Verb.ADOPT.value: _adopt,
    Verb.CLEAN.value: _clean,
    Verb.LEASE.value: _lease,
    Verb.AGENT.value: _agent,
    Verb.KEY.value: _key,
    Verb.ACCESS.value: _access,
    Verb.SERVER.value: _server,
    Verb.DATABASE.value: _database,
    Verb.RENEW.value: _renew,
    Verb.SOURCE.value: _source,
    Verb.WAIVE.value: _waive,
    Verb.CLIENT.value: _client,
}
