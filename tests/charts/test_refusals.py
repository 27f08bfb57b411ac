# SPDX-License-Identifier: Apache-2.0
"""What would render and then not run, or not hold what it promises, is refused with a sentence; by either helm."""

import pytest

from tests.charts.rendering import CHART, HELMS, WHOLE, template

POSTGRESQL = CHART / "ci" / "postgresql-values.yaml"
SQLITE = CHART / "ci" / "sqlite-values.yaml"
DYNAMODB = CHART / "ci" / "dynamodb-values.yaml"
ADMISSION = CHART / "ci" / "admission-policy-values.yaml"
REFUSED = {
    "two pods on one file": (SQLITE, ["autoscaling.enabled=true"], "the store is one file with one writer"),
    "two replicas on one file": (SQLITE, ["replicas=2"], "the store is one file with one writer"),
    "a read side on one file": (SQLITE, ["readSide.enabled=true"], "another pod cannot read the file"),
    "a migration of a file": (SQLITE, ["migration.enabled=true"], "only store.mode postgresql has a schema"),
    "a migration by the sidecar's login": (WHOLE, ['migration.postgresql.url=""'], "belongs to a login of its own"),
    "no store": (POSTGRESQL, ['store.postgresql.url=""'], "store.postgresql.url is missing"),
    "a password in the URL": (
        POSTGRESQL,
        ['store.postgresql.url="postgresql://u:secret@db/e"'],
        "store: the store's URL holds a password",
    ),
    "a password in the reader's URL": (
        WHOLE,
        ['readSide.postgresql.url="postgresql://db/e?user=u&password=secret"'],
        "readSide: the store's URL holds a password",
    ),
    "DynamoDB as nobody": (DYNAMODB, ['identity.mode="none"'], "would have to use the node's"),
    "DynamoDB without a role": (DYNAMODB, ['identity.sidecar.roleArn=""'], "would have to use the node's"),
    "no region": (DYNAMODB, ['identity.region=""'], "identity.region is missing"),
    "one audience for two": (
        DYNAMODB,
        ['identity.service.audience="countersign-sidecar"'],
        "the service could then become the sidecar",
    ),
    "TLS without a certificate": (POSTGRESQL, ['tls.endsAt="pod"'], "needs tls.secretName"),
    "no range": (POSTGRESQL, ["autoscaling.minReplicas=11"], "minReplicas is greater than"),
    "nothing measured": (POSTGRESQL, ["autoscaling.cpu=0", "autoscaling.memory=0"], "autoscaling measures nothing"),
    "all pods at once": (POSTGRESQL, ["disruptionBudget.maxUnavailable=2"], "lets all 2 pods go at once"),
    "no time to end": (
        POSTGRESQL,
        ["termination.gracePeriodSeconds=44"],
        "gracePeriodSeconds is 44, and preStop + 2 × drain + flush + 5 is 45",
    ),
    "a store behind a wall": (POSTGRESQL, ["networkPolicy.store.cidrs=[]"], "could not reach its store"),
    "AWS behind a wall": (DYNAMODB, ["networkPolicy.aws.cidrs=[]"], "no role could be taken on"),
    "an image by tag": (POSTGRESQL, ['images.service.digest=""'], "a tag can be moved after the gate has said yes"),
    "no image": (POSTGRESQL, ['images.sidecar.repository=""'], "images.sidecar.repository is missing"),
    "a gate without a verdict": (POSTGRESQL, ["gate.enabled=true"], "there is nothing to verify otherwise"),
    "another verdict": (WHOLE, ['gate.verdictText="{}"'], "release.verdict is not the digest of gate.verdictText"),
    "the fox and the hens": (
        POSTGRESQL,
        ["admissionPolicy.enabled=true"],
        "must not be able to change what admits it",
    ),
    "admission for nobody": (ADMISSION, ["admissionPolicy.namespaces=[]"], "would hold for nobody"),
    "a misspelt value": (POSTGRESQL, ["autoscaling.minReplica=3"], "minReplica"),
    "a misspelt setting": (POSTGRESQL, ["service.settings.evidence.dead_line=3"], "dead_line"),
    "a digest that is none": (POSTGRESQL, ['release.card="sha256:beef"'], "card"),
    "an eleventh minute": (WHOLE, ["gate.activeDeadlineSeconds=601"], "activeDeadlineSeconds"),
}


@pytest.mark.parametrize("program", HELMS)
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_a_sentence(case: str, program: str) -> None:
    """At template time, which is when a person still looks."""
    values, sets, sentence = REFUSED[case]
    refused = template(values, program=program, sets=tuple(sets))
    assert refused.code != 0
    assert refused.out == ""
    assert sentence in refused.err


def test_the_least_grace_is_enough() -> None:
    """The refusal is no stricter than its sentence."""
    assert template(POSTGRESQL, sets=("termination.gracePeriodSeconds=45",)).code == 0


def test_defaults_alone_say_what_is_missing() -> None:
    """No image is published and no store is known: a bare chart does not pretend otherwise."""
    bare = template()
    assert bare.code != 0
    assert "store.postgresql.url is missing: evidence needs a store that all pods share" in bare.err
