"""The questions before production, as a developer meets them: verify, push, waivers, clients."""

import json
import os
import socket
import sys
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest

from fairlead.base.ids import Place
from fairlead.base.journal import Verb
from fairlead.drivers.commands import stand_in
from needs import missing
from scenes.house import App, House, Pushed

AUDIT = """
[check.audit]
command = "sh -c 'echo server.py:3: known; exit 1'"
"""
SECRETS = '\n[check.leaks]\nquestion = "secrets"\n'
# Put together here: this file must not hold what looks like a key.
KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n" * 3
    + ("-----END PRIVATE KEY-----\n")
)
TOMORROW = str(date.today() + timedelta(days=2))  # noqa: DTZ011  a day's difference changes nothing


def test_what_verify_says_is_what_the_gate_says(house: House) -> None:
    """The same checks in the clone and in the push; a refusal names file, line and check."""
    app = house.app("asked", tail=AUDIT)
    told = house.cli_in(app.clone, "verify", "--junit", "out/junit.xml", "--sarif", "out.sarif")
    assert told.returncode == 1, told.stderr
    assert "server.py:3: error: known [audit.output]" in told.stdout
    suite = ET.parse(app.clone / "out/junit.xml").getroot()
    assert {case.get("name") for case in suite.iter("testcase")} >= {"unit", "audit"}
    sarif = json.loads((app.clone / "out.sarif").read_text())
    (place,) = [r["locations"] for r in sarif["runs"][0]["results"] if r.get("locations")][:1]
    assert place[0]["physicalLocation"]["region"]["startLine"] == 3
    pushed = app.push()
    assert pushed.code == 1
    assert "audit failed" in pushed.said
    assert not app.head()


def test_a_second_asking_refers_to_the_first(house: House) -> None:
    """What a push answered is not asked again for another branch with the same tree."""
    app = house.app("again")
    app.released()
    app.git("commit", "--quiet", "--allow-empty", "-m", "nothing")
    pushed = app.push("HEAD:refs/heads/feature")
    assert pushed.code == 0
    assert "unit | passed (as of " in pushed.said
    assert "no environment runs from this branch" in pushed.said


def waived(house: House, *words: str) -> None:
    done = house.cli("waive", "let", "audit", *words)
    assert done.returncode == 0, done.stderr


def test_a_waiver_is_a_persons_word_with_an_end(house: House) -> None:
    """Recorded, shown with the answer, and over when it is ended."""
    app = house.app("let", tail=AUDIT)
    assert app.push().code == 1
    over = house.cli("waive", "let", "audit", "--until", "2020-01-01", "--why", "late")
    assert over.returncode == 2
    assert "2020-01-01" in over.stderr
    waived(house, "--until", TOMORROW, "--why", "no fix is released yet")
    pushed = app.released()
    assert f"audit failed (waived by ada until {TOMORROW}: no fix is released yet)" in pushed.said
    (entry,) = house.entries("let", Verb.WAIVE)
    assert (entry.who, entry.text("check"), entry.text("until")) == ("ada", "audit", TOMORROW)
    assert "ada waived audit of let until" in house.cli("changed", "--since", "1h").stdout
    assert "holds" in house.cli("waivers", "let").stdout
    assert house.cli("waivers", "let", "--end", "audit", "--why", "mended").returncode == 0
    app.change("other")
    assert app.push().code == 1
    unknown = house.cli("waivers", "let", "--end", "audit")
    assert unknown.returncode == 10
    house.must_hold()


def test_a_waiver_that_somebody_wrote_by_hand_lets_nothing_through(house: House) -> None:
    """It is signed: who can write to the deploy repo cannot open the gate."""
    app = house.app("forged", tail=AUDIT)
    waiver = {"check": "audit", "reason": "x", "who": "eve", "until": TOMORROW}
    deploy = house.tools.home.deploy
    (deploy / "waivers").mkdir(exist_ok=True)
    (deploy / "waivers/forged.json").write_text(json.dumps({"app": "forged", "waivers": [waiver]}))
    for words in (("add", "waivers"), ("commit", "--quiet", "-m", "let it through")):
        assert os.system(f"git -C {deploy} {' '.join(map(repr, words))}") == 0
    try:
        pushed = app.push()
        assert pushed.code == 1
        assert "waivers/forged.json" in pushed.said
        assert not app.head()
    finally:
        os.system(
            f"git -C {deploy} revert --no-edit --quiet HEAD || git -C {deploy} revert --no-edit HEAD"
        )


def test_an_environment_says_which_checks_it_requires(house: House) -> None:
    """What is asked and not required stands in nobody's way; promotion asks the other's policy."""
    environments = """
[environment.staging]
branch = "main"
requires = ["unit"]
strategy = {strategy}

[environment.staging.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"

[environment.live]
strategy = {strategy}

[environment.live.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"
"""
    app = house.app("policy", tail=AUDIT, environments=environments)
    app.released()
    app.settled(Place("policy", "staging"))
    refused = house.cli("promote", "policy/staging", "live")
    assert refused.returncode == 3, refused.stderr
    assert "audit failed" in refused.stderr
    done = house.cli("waive", "policy", "audit", "--until", TOMORROW, "--why", "known")
    assert done.returncode == 0
    promoted = house.cli("promote", "policy/staging", "live")
    assert promoted.returncode == 0, promoted.stderr


def test_a_branch_is_asked_as_it_would_be_merged(house: House) -> None:
    """Green alone and broken together is broken; a conflict is said, and main stays."""
    app = house.app("merge")
    app.released()
    app.git("checkout", "--quiet", "-b", "feature")
    app.write({"one.txt": "1\n"})
    app.commit("one")
    app.git("checkout", "--quiet", "main")
    app.write({"other.txt": "1\n"})
    check = "\n[check.both]\ncommand = \"sh -c '! test -e one.txt || ! test -e other.txt'\"\n"
    app.manifest(tail=check)
    app.commit("other")
    app.released()
    app.git("checkout", "--quiet", "feature")
    pushed = app.push("HEAD:refs/heads/feature")
    assert "merged into main" in pushed.said
    assert "both failed" in pushed.said
    alone = house.cli_in(app.clone, "verify")
    assert alone.returncode == 0, alone.stderr
    merged = house.cli_in(app.clone, "verify", "--merged-with", "main")
    assert merged.returncode == 1
    app.write({"other.txt": "2\n"})
    app.commit("a conflict")
    conflict = house.cli_in(app.clone, "verify", "--merged-with", "main")
    assert conflict.returncode == 3
    assert "other.txt" in conflict.stderr
    assert "Traceback" not in conflict.stderr


def test_a_key_in_the_tree_is_found_and_never_shown(house: House) -> None:
    """One of Fairlead's own questions, asked in a process of its own."""
    app = house.app("leaks", tail=SECRETS)
    assert app.push().code == 0
    app.write({"deploy.pem": KEY})
    app.commit("oops")
    pushed = app.push()
    assert pushed.code == 1
    assert "leaks failed" in pushed.said
    assert "MIIEvQ" not in pushed.said
    told = house.cli_in(app.clone, "verify")
    assert "deploy.pem:1" in told.stdout


OPENAPI = """openapi: 3.0.3
info: {{title: t, version: "1"}}
paths:
  /levels:
    get:
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [{required}]
                properties: {{ {properties} }}
"""
BOTH = "station: {type: string}, level: {type: number}"
API = '\n[check.api]\nquestion = {{ kind = "api", contract = "openapi.yaml" }}\n'


def with_api(app: App, required: str, properties: str) -> Pushed:
    app.write({"openapi.yaml": OPENAPI.format(required=required, properties=properties)})
    app.commit(f"answers {required}")
    return app.push()


def test_an_api_is_kept_for_whom_it_was_promised(house: House) -> None:
    """The contract of each release in use is compared, by name of the clients it was made for."""
    app = house.app("api", tail=API)
    app.write({"openapi.yaml": OPENAPI.format(required="station, level", properties=BOTH)})
    app.commit("an API")
    app.released()
    added = house.cli("clients", "add", "ios", "3.2", "--release", "1", "--until", TOMORROW,
                      "--app", "api")  # fmt: skip
    assert added.returncode == 0, added.stderr
    assert "ios 3.2" in house.cli("clients", "list", "--app", "api").stdout
    assert house.cli("clients", "add", "x", "1", "--release", "9", "--until", TOMORROW, "--app",
                     "api").returncode == 10  # fmt: skip
    broken = with_api(app, "station", "station: {type: string}")
    assert broken.code == 1, broken.said
    assert "api failed" in broken.said, broken.said
    told = house.cli_in(app.clone, "verify")
    assert "ios 3.2" in told.stdout, told.stdout
    assert "level" in told.stdout
    found = json.loads(house.cli_in(app.clone, "verify", "--json").stdout)["verdict"]["results"]
    (asked,) = [result for result in found if result["name"] == "api"]
    breaks = [f for f in asked["findings"] if f["level"] == "error"]
    assert breaks
    for finding in breaks:
        done = house.cli("waive", "api", "api", "--rule", finding["rule"], "--subject",
                         finding["subject"], "--until", TOMORROW, "--why", "nobody reads it")  # fmt: skip
        assert done.returncode == 0, done.stderr
    let = house.cli_in(app.clone, "verify")
    assert let.returncode == 0, let.stdout
    assert "nobody reads it" in let.stdout
    for finding in breaks:
        words = ("--rule", finding["rule"], "--subject", finding["subject"])
        assert house.cli("waivers", "api", "--end", "api", *words).returncode == 0
    wider = with_api(app, "station, level", f"{BOTH}, unit: {{type: string}}")
    assert wider.code == 0, wider.said
    ended = house.cli("clients", "end", "ios", "3.2", "--app", "api")
    assert ended.returncode == 0


BIG = """
[role.big]
command = "sleep 1000"
memory = "90000G"
"""


def test_a_plan_that_would_not_go_stands_in_the_way(house: House) -> None:
    """Said before anything is released: in sentences, and with the figures of what lacks."""
    plans = '\n[check.plans]\nquestion = "plans"\n[check.size]\nquestion = "size"\n'
    app = house.app("planned", tail=plans)
    first = app.released()
    assert "plans | not applicable: nothing of planned was released" in first.said
    app.settled()
    app.change("second")
    second = app.released()
    assert "plans | passed: local sha256:" in second.said
    assert "size | passed: 0." in second.said
    app.settled()
    app.manifest(tail=plans + BIG)
    app.commit("far too big")
    pushed = app.push()
    assert pushed.code == 1, pushed.said
    assert "plans failed (it would not go in local)" in pushed.said
    assert app.version()["word"] == "second"


def test_a_hostile_branch_gets_nothing(house: House) -> None:
    """It reads no key, writes nothing outside its tree, reaches no network, and its flood of output
    and of processes ends by itself."""
    if stand_in() is None:
        missing("no cell can be made here: a check could do what its user can")
    key = next(path for path in house.tools.home.keys.rglob("*") if path.is_file())
    outside = house.root / "planted"
    tail = f"""
[check.reads]
command = "sh -c '! cat {key} && ! ls {house.home}/record.sqlite && ! touch {outside}'"

[check.reaches]
command = "{sys.executable} reach.py"

[check.prints]
command = "sh -c 'yes flood | head -c 60000000'"
memory = "1G"
"""
    reach = """
import socket
try:
    socket.create_connection(("127.0.0.1", PORT), 2)
except OSError:
    raise SystemExit(0)
raise SystemExit("the machine's own loopback was reached")
"""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        app = house.app("hostile-branch", tail=tail)
        app.write({"reach.py": reach.replace("PORT", str(listening.getsockname()[1]))})
        app.commit("hostile")
        pushed = app.push("HEAD:refs/heads/topic")
    assert "reads passed" in pushed.said, pushed.said[-300:]
    assert "reaches passed" in pushed.said
    assert "prints passed" in pushed.said
    assert not outside.exists()
    assert len(pushed.said) < 20_000_000


@pytest.mark.parametrize("words", [("verify", "no-such"), ("verify",)])
def test_a_mistake_is_told_with_the_next_command(house: House, words: tuple[str, ...]) -> None:
    """Outside of a repository, of a commit that is not there: never a traceback."""
    where = house.root if words == ("verify",) else house.app("mistake").clone
    told = house.cli_in(where, *words)
    assert told.returncode == 10
    assert "hint: " in told.stderr
    assert "Traceback" not in told.stderr
