# SPDX-License-Identifier: Apache-2.0
"""Promotion with the real chart, the real helm and the real gate: what it makes, keeps and refuses."""

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from policies.promotion.comparison import compare
from policies.promotion.objects import object_files
from policies.promotion.promotion import Promotion
from policies.promotion.rendering import DRAFT, rendered
from policies.targets.bundle import read_bundle
from policies.verdict.verification import refusal
from tests.conformance.outside import outside
from tests.policies.promotion.promoting import DIGEST, KEY, TODAY, document, promoted, staging
from tests.tree import ROOT

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def first() -> Promotion:
    return promoted(staging())


@pytest.fixture(scope="module")
def folder(first: Promotion) -> Files:
    assert first.files is not None
    return first.files


def test_a_release_becomes_objects_and_a_verdict_about_them(first: Promotion, folder: Files) -> None:
    """Subjects are card, artifact, evidence, manifests and images, by digest."""
    assert first.report.passed
    assert first.renewed == "there was none"
    envelope = json.loads(folder["verdict/telco-watson-1.0.0.vsa.intoto.jsonl"])
    statement = json.loads(base64.b64decode(envelope["payload"]))
    names = {subject["name"] for subject in statement["subject"]}
    assert {"manifests", "argocd", "telco-watson/1.0.0/card.yaml", "telco-watson/1.0.0/model.onnx"} < names
    images = {f"image/{image.partition('@')[0]}" for image in staging().images.values()}
    assert images == {name for name in names if name.startswith("image/")}
    assert [target["name"] for target in statement["predicate"][_TARGETS] if target["kind"] == "manifests"] == [
        "environments/staging/rendered"
    ]
    assert {name.partition("/")[0] for name in folder} == {"rendered", "verdict"}
    assert document(folder, "deployment-countersign")["metadata"]["namespace"] == "ml-staging"


_TARGETS = "https://countersign.dev/verdict/v1/targets"


def test_promoting_again_changes_nothing(folder: Files) -> None:
    """On another day, too; with the helm before this one, too."""
    again = promoted(staging(), folder, TODAY + dt.timedelta(days=3), "helm3")
    assert again.renewed is None
    assert again.files == folder


def test_what_it_made_is_as_attested(folder: Files) -> None:
    """Until the day on which the verdict ends."""
    found = compare(staging(), folder, KEY.public_key(), TODAY, outside("helm"))
    assert refusal(found.steps) is None
    assert found.differences == []
    ended = refusal(compare(staging(), folder, KEY.public_key(), TODAY + dt.timedelta(days=30), outside("helm")).steps)
    assert ended is not None
    assert ended.title == "validity"


def edited(start: str, edit: Callable[[Any], object]) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        (name,) = (name for name in files if name.startswith(f"rendered/{start}"))
        value = yaml.safe_load(files[name])
        edit(value)
        return {**files, name: yaml.safe_dump(value).encode()}

    return change


def _args(job: Any) -> list[str]:
    words: list[str] = job["spec"]["template"]["spec"]["containers"][0]["args"]
    return words


BY_HAND: dict[str, tuple[Callable[[Files], Files], str]] = {
    "another image": (
        edited("deployment-countersign", lambda d: d["spec"]["template"]["spec"]["containers"][0].update(image="x")),
        "~ rendered/deployment-countersign.yaml",
    ),
    "a gate that asks for less": (edited("job-countersign-gate", lambda job: _args(job).pop()), "~ rendered/job-"),
    "a gate that is never run": (
        edited("job-countersign-gate", lambda job: job["metadata"]["annotations"].clear()),
        "~ rendered/job-",
    ),
    "an object more": (lambda files: {**files, "rendered/role-x.yaml": b"kind: Role\n"}, "+ rendered/role-x.yaml"),
    "an object less": (
        lambda files: {
            name: content for name, content in files.items() if "networkpolicy-countersign-deny" not in name
        },
        "- rendered/networkpolicy-countersign-deny.yaml",
    ),
    "other results": (
        lambda files: {**files, "verdict/telco-watson-1.0.0.test-result.intoto.jsonl": b"{}\n"},
        "~ verdict/telco-watson-1.0.0.test-result.intoto.jsonl",
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_was_changed_by_hand_is_named(name: str, folder: Files) -> None:
    """Also where no manifests digest looks: at the gate's own objects."""
    change, difference = BY_HAND[name]
    found = compare(staging(), change(folder), KEY.public_key(), TODAY, outside("helm"))
    assert len(found.differences) == 1
    assert found.differences[0].startswith(difference)


def test_what_was_wished_for_and_not_promoted_is_refused(folder: Files) -> None:
    """A new digest in the environment's file is no deployment of it."""
    wished = staging(images={**staging().images, "service": f"registry.example/countersign/telco-watson@{DIGEST}"})
    refused = refusal(compare(wished, folder, KEY.public_key(), TODAY, outside("helm")).steps)
    assert refused is not None
    assert refused.title == "subjects"


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"podSecurityContext": {"runAsNonRoot": False}}, "K8S-003"),
        ({"images": {"gate": {"repository": "registry.example/other", "digest": DIGEST}}}, "K8S-001"),
    ],
)
def test_what_the_gate_refuses_has_no_files(settings: dict[str, Any], rule: str, folder: Files) -> None:
    """Values that weaken the pods, and an image that is not of the release; with a place that people can open."""
    done = promoted(staging(settings={**staging().settings, **settings}), folder)
    assert done.files is None
    blocking = [case for case in done.report.cases if case.blocking]
    assert rule in {case.rule.id for case in blocking}
    assert {case.target for case in blocking} == {"environments/staging/rendered"}
    assert all(f.place.file.startswith("environments/staging/rendered/") for case in blocking for f in case.findings)


def test_both_helms_make_the_same_files() -> None:
    """Argo CD's own version has no say in what was signed."""
    bundle = read_bundle(str(ROOT / staging().bundle))
    one, other = (object_files(rendered(staging(), bundle, DRAFT, outside(helm))) for helm in ("helm", "helm3"))
    assert one == other
