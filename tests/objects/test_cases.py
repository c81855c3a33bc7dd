"""Files of Kubernetes' objects; what is wrong on a line is said by a comment on it: `# ! rule`."""

import re
from importlib import resources
from pathlib import Path

import pytest

from fairlead.documents.read import documents
from fairlead.objects import rules
from fairlead.objects.schemas import known_versions, schemas

CASES = Path(__file__).parent.parent / "cases/objects"
LINES = resources.files("fairlead.objects").joinpath("kubernetes.jsonl").read_bytes()
KUBERNETES = schemas(LINES, "1.31")


def found(text, version=KUBERNETES):
    read = documents(text, old=True)
    judged = rules.judge(rules.things("case.yaml", read, "."), version)
    return (*rules.mistakes("case.yaml", read), *judged)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_mistake_is_found_on_its_line_and_no_other(path: Path) -> None:
    """All at once, in the file's own lines."""
    text = path.read_text()
    marks = {
        (number, rule)
        for number, line in enumerate(text.splitlines(), 1)
        for rule in (re.findall(r"# ! (.*)", line) or [""])[0].split()
    }
    assert {(one.line, one.rule.removeprefix("objects.")) for one in found(text)} == marks


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{apiVersion: extensions/v1beta1, kind: Ingress}", "say apiVersion: networking.k8s.io/v1"),
        ("{apiVersion: autoscaling/v2beta2, kind: HorizontalPodAutoscaler}", "autoscaling/v2"),
        ("{apiVersion: apps/v1, kind: Deploymnet}", "did you mean Deployment?"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, lables: {}}}", "did you mean labels?"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: 1}}", "into quotes"),
    ],
)
def test_a_mistake_says_what_to_write(text: str, hint: str) -> None:
    """The replacement of a version that is gone, the nearest name, the quotes."""
    assert hint in found(text)[0].hint


def test_a_version_that_is_gone_says_since_when() -> None:
    """The last version that had it, where it is one that we know; or that it is yet to come."""
    [gone, *_] = found("{apiVersion: autoscaling/v2beta2, kind: HorizontalPodAutoscaler}")
    assert "Kubernetes 1.31 has no HorizontalPodAutoscaler" in gone.message
    assert "1.25 was the last that had it" in gone.message
    [new, *_] = found("{apiVersion: resource.k8s.io/v1, kind: ResourceClaim}")
    assert "in resource.k8s.io/v1 yet" in new.message


def test_no_message_holds_a_value() -> None:
    """An object may be a Secret."""
    text = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: 48151623}}"
    [wrong] = found(text)
    assert "48151623" not in repr(wrong)


def test_a_finding_is_named_the_same_wherever_it_moves() -> None:
    """By the object and the names of items, not by lines and numbers."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
    web = "  - {name: web, image: 1}\n"
    [before], [after] = found(pod + web), found(f"# more\n{pod}  - {{name: b}}\n{web}")
    assert before.subject == after.subject == "Pod a: spec.containers[web].image"
    assert (before.line, after.line) == (6, 8)


def test_one_object_has_no_million_of_mistakes() -> None:
    """They end at a bound."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
    assert len(found(pod + "  - {nme: a}\n" * 5000)) == rules.MOST_ISSUES


def test_every_version_is_whole() -> None:
    """Each definition that one names is there, and the usual kinds are."""
    for version in known_versions(LINES):
        known = schemas(LINES, version)
        missing = {
            name
            for schema in known.defined.values()
            for name in references(schema)
            if name not in known.defined
        }
        assert missing == set()
        assert ("apps", "v1", "Deployment") in known.kinds
        assert ("networking.k8s.io", "v1", "Ingress") in known.kinds
    assert len(known_versions(LINES)) == 13


def references(schema):
    if isinstance(schema.get("ref"), str):
        yield schema["ref"]
    below = [schema.get("items"), schema.get("additionalProperties")]
    for one in (*below, *schema.get("properties", {}).values()):
        if isinstance(one, dict):
            yield from references(one)
