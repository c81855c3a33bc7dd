"""The objects of a tree: which files, what is built, and what the answer is."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fairlead.checks.model import Answer, Asked, Reply
from fairlead.manifest.questions import Objects
from fairlead.questions import _kustomize, objects

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: a, image: b}]}\n"
WRONG = "apiVersion: v1\nkind: Pod\nmetadata: {name: wrong}\nspec: {containers: [{nme: a}]}\n"
BOAT = "apiVersion: fleet.example/v1\nkind: Boat\nmetadata: {name: a}\n"


def asked(tree: Path, texts: dict[str, str], **question: object) -> Reply:
    for name, text in texts.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return objects.answer(Asked(Objects(**question), str(tree), ""))  # type: ignore[arg-type]


def rules(reply: Reply) -> list[str]:
    return [one.rule.removeprefix("objects.") for one in reply.findings]


def test_right_objects_pass(tmp_path: Path) -> None:
    """And the answer says how many of what they are."""
    reply = asked(tmp_path, {"deploy/a.yaml": POD % "a", "b.yml": "x: 1"}, files=("deploy/*",))
    assert reply == Reply(Answer.PASSED, "1 objects of 1 files, for Kubernetes 1.31")


def test_wrong_ones_fail_by_file_and_line(tmp_path: Path) -> None:
    """Of all files, named or found."""
    tree = {"deploy/a.yaml": POD % "a", "b.yaml": "# first\n" + WRONG}
    for question in ({}, {"files": ("**/*.yaml",)}):
        reply = asked(tmp_path, tree, **question)
        assert reply.answer is Answer.FAILED
        assert {(one.path, one.line) for one in reply.findings} == {("b.yaml", 5)}


def test_a_tree_without_objects_is_not_applicable(tmp_path: Path) -> None:
    """With the rule that says so; other YAML, kubeconfigs and links are none."""
    tree = {"compose.yaml": "services: {}", "ci.yml": "on: push", "broken.yaml": "a: [",
            "config.yaml": "{apiVersion: v1, kind: Config}"}  # fmt: skip
    (tmp_path / "link.yaml").symlink_to("/etc/hostname")
    reply = asked(tmp_path, tree)
    assert reply.answer is Answer.NOT_APPLICABLE
    assert "**/*.yaml" in reply.reason
    reply = asked(tmp_path, tree, files=("deploy/*",))
    assert (reply.answer, "deploy/*" in reply.reason) == (Answer.NOT_APPLICABLE, True)


def test_a_kind_that_nobody_knows_is_not_known(tmp_path: Path) -> None:
    """Its definition in another file makes it known."""
    reply = asked(tmp_path, {"a.yaml": BOAT})
    assert (reply.answer, rules(reply)) == (Answer.NOT_KNOWN, ["unknown"])
    definition = (
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
        "metadata: {name: boats.fleet.example}, spec: {group: fleet.example, scope: Cluster, "
        "names: {kind: Boat, plural: boats}, versions: [{name: v1, served: true, storage: true, "
        "schema: {openAPIV3Schema: {type: object, required: [spec]}}}]}}"
    )
    reply = asked(tmp_path, {"z/definition.yaml": definition})
    assert (reply.answer, rules(reply)) == (Answer.FAILED, ["required"])


def test_a_version_without_schemas_is_not_known(tmp_path: Path) -> None:
    """It is not taken for the nearest."""
    reply = asked(tmp_path, {"a.yaml": POD % "a"}, version="1.99")
    assert reply.answer is Answer.NOT_KNOWN
    assert "1.25 to 1.37" in reply.reason


@pytest.mark.parametrize("question", [{}, {"files": ("chart/**",)}])
def test_a_template_is_not_known(tmp_path: Path, question: dict[str, object]) -> None:
    """Of a chart, or of anything else that was named; a right object beside it changes nothing."""
    template = "{{ if .Values.x }}\n" + POD % "a" + "{{ end }}\n"
    tree = {"chart/templates/a.yaml": template, "chart/b.yaml": POD % "b"}
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart/Chart.yaml").write_text("{apiVersion: v2, name: a, version: 1.0.0}")
    reply = asked(tmp_path, tree, **question)
    if question:
        assert "template" in rules(reply)
    else:
        assert (reply.answer, rules(reply)) == (Answer.NOT_KNOWN, ["template"])


@pytest.mark.parametrize("text", ["apiVersion: v1\nkind: [", "kind: Pod\n\tapiVersion: v1", ""])
def test_a_broken_file_is_told(tmp_path: Path, text: str) -> None:
    """One of an object's, although nobody named it; an empty one that was named is nothing."""
    reply = asked(tmp_path, {"a.yaml": text}, **({} if text else {"files": ("a.yaml",)}))
    assert rules(reply) == (["yaml"] if text else [])


def test_one_directory_may_not_hold_an_object_twice(tmp_path: Path) -> None:
    """Two may: of two environments."""
    tree = {"staging/a.yaml": POD % "a", "production/a.yaml": POD % "a"}
    assert asked(tmp_path, tree).answer is Answer.PASSED
    reply = asked(tmp_path, {"staging/b.yaml": POD % "a"})
    assert rules(reply) == ["twice"]
    assert "staging/a.yaml, line 1" in reply.findings[0].message


KUSTOMIZED = {
    "base/kustomization.yaml": "resources: [web.yaml]",
    "base/web.yaml": POD % "web",
    "production/kustomization.yaml": "resources: [../base]\nnamePrefix: big-\n"
    "patches: [{path: patch.yaml}]",
    "production/patch.yaml": "{apiVersion: v1, kind: Pod, metadata: {name: web}, "
    "spec: {hostNetwork: true}}",
}


def kustomize() -> None:
    if _kustomize._command() is None:
        pytest.skip("no kustomize or kubectl on PATH: either would build kustomizations")


@pytest.fixture
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def test_a_kustomization_is_built(tmp_path: Path) -> None:
    """The one nobody takes in, and what comes out is judged; a patch is no object of its own."""
    kustomize()
    reply = asked(tmp_path, KUSTOMIZED)
    assert reply == Reply(Answer.PASSED, "1 objects of 1 files, for Kubernetes 1.31")
    reply = asked(
        tmp_path,
        {"production/patch.yaml": KUSTOMIZED["production/patch.yaml"].replace("true", "maybe")},
        kustomize=("production",),
    )
    assert (reply.answer, rules(reply)) == (Answer.FAILED, ["type"])
    assert reply.findings[0].subject == "Pod big-web: spec.hostNetwork"
    assert reply.findings[0].path == "production"


def test_a_kustomization_that_cannot_be_built_fails(tmp_path: Path) -> None:
    """In kustomize's own words, without the place of the tree."""
    kustomize()
    reply = asked(tmp_path, {"a/kustomization.yaml": "resources: [gone.yaml]"})
    assert (reply.answer, rules(reply)) == (Answer.FAILED, ["kustomize"])
    assert "gone.yaml" in reply.findings[0].message
    assert str(tmp_path) not in reply.findings[0].message


def test_without_kustomize_it_is_not_known(tmp_path: Path, no_program: None) -> None:
    """With what to install."""
    reply = asked(tmp_path, KUSTOMIZED)
    assert (reply.answer, rules(reply)) == (Answer.NOT_KNOWN, ["not-built"])
    assert "kubectl.docs.kubernetes.io" in reply.findings[0].hint


def test_what_would_be_fetched_is_not_known(tmp_path: Path) -> None:
    """A check has no network; a base of a base is looked at, too."""
    tree = {
        "a/kustomization.yaml": "resources: [../b]",
        "b/kustomization.yaml": "resources: [https://github.example/x.yaml]",
    }
    reply = asked(tmp_path, tree)
    assert (reply.answer, rules(reply)) == (Answer.NOT_KNOWN, ["not-built"])
    assert "github.example" in reply.findings[0].message


def test_it_is_asked_as_a_process(tmp_path: Path) -> None:
    """By the entrance of all questions; the data travels in the package."""
    shutil.copy(Path(__file__).parent.parent / "cases/objects/many.yaml", tmp_path / "a.yaml")
    told = Asked(Objects(), str(tmp_path), "")
    (tmp_path / "asked.json").write_bytes(msgspec.json.encode(told))
    command = [sys.executable, "-I", "-m", "fairlead.questions", "asked.json", "reply.json"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=30)
    reply = msgspec.json.decode((tmp_path / "reply.json").read_bytes(), type=Reply)
    assert (reply.answer, len(reply.findings)) == (Answer.FAILED, 13)
