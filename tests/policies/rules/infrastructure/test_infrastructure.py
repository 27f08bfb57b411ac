# SPDX-License-Identifier: Apache-2.0
"""Each rule on a good graph, on the product's own program, and on graphs with one thing taken away or made false."""

import json
from copy import deepcopy
from types import ModuleType
from typing import Any, Final

import pytest

from policies.rules.infrastructure import durable_stores, least_access, regions, tags
from policies.rules.infrastructure.family import MODULES
from policies.rules.infrastructure.graph import statements
from policies.rules.monitoring import log_retention
from policies.targets.infra import Infra, read_infra
from tests.policies.examples import bundle, infra, run
from tests.tree import ROOT

EVERY: Final = (*MODULES, log_retention)
GONE: Final = object()
TRUST: Final = {
    "Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/x"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"x:sub": "system:serviceaccount:ml:sidecar", "x:aud": "countersign-sidecar"}},
}  # fmt: skip
GRANT: Final = {
    "Effect": "Allow", "Action": ["dynamodb:PartiQLInsert"], "Resource": "arn:aws:dynamodb:eu-west-1:111122223333:t",
}  # fmt: skip
GOOD: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "provider": (
        "pulumi:providers:aws",
        {"region": "eu-west-1", "defaultTags": json.dumps({"tags": {"owner": "ops", "model": "all", "tier": "high"}})},
    ),
    "archive": ("aws:s3/bucket:Bucket", {"objectLockEnabled": True, "bucket": "archive-name"}),
    "versioning": (
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": "archive-name", "versioningConfiguration": {"status": "Enabled"}},
    ),
    "encryption": (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"bucket": "archive", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
    ),
    "lock": (
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        {"bucket": "archive", "rule": {"defaultRetention": {"mode": "COMPLIANCE", "years": 10}}},
    ),
    "block": (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        {
            "bucket": "archive", "blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    ),
    "log": (
        "aws:dynamodb/table:Table",
        {
            "serverSideEncryption": {"enabled": True, "kmsKeyArn": "key"}, "deletionProtectionEnabled": True,
            "pointInTimeRecovery": {"enabled": True},
        },
    ),
    "payload": (
        "aws:dynamodb/table:Table",
        {"serverSideEncryption": {"enabled": True, "kmsKeyArn": "key"}, "deletionProtectionEnabled": True},
    ),
    "key": ("aws:kms/key:Key", {"enableKeyRotation": True}),
    "signing": ("aws:kms/key:Key", {"keyUsage": "SIGN_VERIFY"}),
    "cluster": (
        "aws:eks/cluster:Cluster",
        {
            "vpcConfig": {"endpointPublicAccess": False}, "encryptionConfig": {"resources": ["secrets"]},
            "enabledClusterLogTypes": ["api", "audit"],
        },
    ),
    "database": (
        "aws:rds/cluster:Cluster",
        {"storageEncrypted": True, "deletionProtection": True, "backupRetentionPeriod": 35},
    ),
    "group": ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 365}),
    "role": ("aws:iam/role:Role", {"assumeRolePolicy": json.dumps({"Statement": [TRUST]})}),
    "grant": ("aws:iam/rolePolicy:RolePolicy", {"policy": json.dumps({"Statement": GRANT})}),
    "firewall": (
        "aws:ec2/securityGroup:SecurityGroup",
        {"ingress": [{"fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"]}]},
    ),
}  # fmt: skip


def graph(path: str = "", value: Any = None) -> Infra:
    """The good graph with one value changed: ``name`` or ``name/key/key``; GONE removes."""
    resources = {name: (kind, deepcopy(inputs)) for name, (kind, inputs) in GOOD.items()}
    name, *steps = path.split("/")
    if steps:
        inner: Any = resources[name][1]
        for step in steps[:-1]:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        if value is GONE:
            del inner[steps[-1]]
        else:
            inner[int(steps[-1]) if isinstance(inner, list) else steps[-1]] = value
    elif name:
        del resources[name]
    return infra([{"type": kind, "name": name, "inputs": inputs} for name, (kind, inputs) in resources.items()])


def policy(**changes: Any) -> str:
    """A policy document of one statement, changed."""
    return json.dumps({"Statement": {**GRANT, **changes}})


def trust(**changes: Any) -> str:
    """A trust policy of one statement, changed."""
    return json.dumps({"Statement": {**TRUST, **changes}})


@pytest.mark.parametrize("module", EVERY, ids=lambda module: module.RULE.id)
def test_a_good_graph_passes(module: ModuleType) -> None:
    """Both spellings of a reference to a bucket, by its id and by its name, are understood."""
    judgement = module.check(graph(), run(bundle()))
    assert judgement.findings == ()
    assert judgement.note


@pytest.mark.parametrize("module", EVERY, ids=lambda module: module.RULE.id)
@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_product_s_own_program_passes(module: ModuleType, stack: str, tmp_path_factory: Any) -> None:
    """What the gate asks of others holds for what ships with it."""
    pytest.importorskip("pulumi_aws", reason="the extra infra is not installed")
    cache = tmp_path_factory.getbasetemp() / "own-program"
    target = read_infra(f"{ROOT / 'infra_pulumi'}:{stack}", cache)
    assert module.check(target, run(bundle(), bundle(card="telecom-churn"))).findings == ()


MISTAKES: Final[list[tuple[ModuleType, str, Any, str]]] = [
    (durable_stores, "versioning", GONE, "is not versioned"),
    (durable_stores, "versioning/versioningConfiguration/status", "Suspended", "is not versioned"),
    (durable_stores, "versioning/bucket", "another", "is not versioned"),
    (durable_stores, "encryption", GONE, "is not encrypted"),
    (durable_stores, "encryption/rules/0/applyServerSideEncryptionByDefault/sseAlgorithm", "none", "is not encrypted"),
    (durable_stores, "archive/objectLockEnabled", False, "without Object Lock"),
    (durable_stores, "archive/forceDestroy", True, "is emptied"),
    (durable_stores, "lock", GONE, "does not lock what is put into it"),
    (durable_stores, "lock/rule/defaultRetention/mode", "GOVERNANCE", "can be taken off"),
    (durable_stores, "lock/rule/defaultRetention/years", 0, "for no time"),
    (durable_stores, "log/serverSideEncryption", GONE, "is not encrypted with a key"),
    (durable_stores, "log/serverSideEncryption/kmsKeyArn", "", "is not encrypted with a key"),
    (durable_stores, "payload/deletionProtectionEnabled", False, "can be deleted"),
    (durable_stores, "log/pointInTimeRecovery/enabled", False, "cannot be restored"),
    (durable_stores, "key/enableKeyRotation", GONE, "is never rotated"),
    (durable_stores, "signing/deletionWindowInDays", 1, "is gone at once"),
    (durable_stores, "cluster/encryptionConfig", GONE, "keeps secrets as they are"),
    (durable_stores, "cluster/enabledClusterLogTypes", ["api"], "keeps no audit log"),
    (durable_stores, "database/storageEncrypted", False, "without storageEncrypted"),
    (durable_stores, "database/backupRetentionPeriod", 1, "not backed up for long"),
    (durable_stores, "database/skipFinalSnapshot", True, "leaves nothing behind"),
    (least_access, "block", GONE, "may be made public"),
    (least_access, "block/restrictPublicBuckets", False, "leaves a way"),
    (least_access, "block/bucket", "another", "may be made public"),
    (least_access, "grant/policy", policy(Action="*"), "allows more than it names"),
    (least_access, "grant/policy", policy(Action=["s3:*"]), "allows more than it names"),
    (least_access, "grant/policy", policy(NotAction=["iam:*"]), "allows more than it names"),
    (least_access, "grant/policy", policy(Resource="*"), "on every resource"),
    (least_access, "grant/policy", "{", "cannot be read"),
    (least_access, "grant/policy", '{"Statement": []}', "cannot be read"),
    (least_access, "grant/policy", policy(Effect="allow"), "neither allows nor denies"),
    (least_access, "grant/policy", policy(Principal="*"), "lets anyone in"),
    (least_access, "grant/policyArn", "arn:aws:iam::aws:policy/AdministratorAccess", "allows everything"),
    (least_access, "grant/policyArn", "arn:aws:iam::aws:policy/AmazonS3FullAccess", "allows everything"),
    (least_access, "role/assumeRolePolicy", trust(Principal="*"), "may be assumed by anyone"),
    (least_access, "role/assumeRolePolicy", trust(Principal={"AWS": "*"}), "may be assumed by anyone"),
    (least_access, "role/assumeRolePolicy", trust(Condition={}), "does not pin :sub"),
    (least_access, "role/assumeRolePolicy", trust(Condition={"StringEquals": {"x:sub": "a"}}), "does not pin :aud"),
    (
        least_access,
        "role/assumeRolePolicy",
        trust(Condition={"StringLike": {"x:sub": "system:*", "x:aud": "a"}}),
        "does not pin :sub",
    ),
    (least_access, "cluster/vpcConfig/endpointPublicAccess", True, "opens its API"),
    (least_access, "cluster/vpcConfig", GONE, "opens its API"),
    (least_access, "database/publiclyAccessible", True, "is reachable from the internet"),
    (least_access, "firewall/ingress/0/fromPort", 22, "lets anyone in"),
    (regions, "provider/region", GONE, "no region is stated"),
    (regions, "provider/region", "us-east-1", "is not on the list"),
    (regions, "archive/region", "ap-southeast-2", "is not on the list"),
    (regions, "log/replicas", [{"regionName": "us-west-2"}], "is not on the list"),
    (tags, "provider/defaultTags", GONE, "has no tag owner"),
    (tags, "provider/defaultTags", {"tags": {"owner": "TBD", "model": "all", "tier": "high"}}, "has no tag owner"),
    (
        tags,
        "provider/defaultTags",
        {"tags": {"owner": "ops", "model": "all", "tier": "gold"}},
        "a tier that is none",
    ),
    (tags, "provider/defaultTags", {"tags": {"owner": "ops", "model": "all", "tier": "low"}}, "a lower tier"),
    (
        tags,
        "provider/defaultTags",
        {"tags": {"owner": "ops", "model": "other", "tier": "high"}},
        "not judged here",
    ),
    (tags, "archive/tags", {"tier": "low"}, "a lower tier"),
    (log_retention, "group/retentionInDays", 30, "lets logs go too early"),
    (log_retention, "group/retentionInDays", "long", "lets logs go too early"),
    (log_retention, "lock/rule/defaultRetention", {"mode": "COMPLIANCE", "days": 90}, "lets objects go too early"),
    (log_retention, "log/ttl", {"enabled": True, "attributeName": "t"}, "expire by themselves"),
]


@pytest.mark.parametrize(
    ("module", "path", "value", "what"),
    MISTAKES,
    ids=[f"{number}-{module.RULE.id}-{what}" for number, (module, _, _, what) in enumerate(MISTAKES)],
)
def test_a_single_mistake_is_found(module: ModuleType, path: str, value: Any, what: str) -> None:
    """What is missing or false is named, at the line of the program that made it."""
    found = [item for item in module.check(graph(path, value), run(bundle())).findings if what in item.message]
    assert found
    assert all(finding.wanted and finding.place.file for finding in found)


@pytest.mark.parametrize("module", [durable_stores, regions, log_retention], ids=lambda module: module.RULE.id)
def test_a_graph_of_nothing_is_no_pass(module: ModuleType) -> None:
    """Where nothing is made, nothing is kept, stated or encrypted."""
    assert module.check(infra([]), run()).findings


def test_a_policy_may_stand_for_a_default_lock() -> None:
    """An archive that locks each object itself needs a bucket that refuses the ones it forgot."""
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::archive/*",
        "Condition": {"StringNotEqualsIfExists": {"s3:object-lock-mode": "COMPLIANCE"}},
    }  # fmt: skip
    without = graph("lock")
    for condition, passes in ((deny["Condition"], True), ({"StringEquals": {"s3:object-lock-mode": "x"}}, False)):
        document = json.dumps({"Statement": [{**deny, "Condition": condition}]})
        inputs = {"bucket": "archive", "policy": document}
        extra = infra([{"type": "aws:s3/bucketPolicy:BucketPolicy", "name": "archive", "inputs": inputs}])
        whole = Infra(name="i", stack="prod", resources=(*without.resources, *extra.resources), digest="0")
        assert (durable_stores.check(whole, run()).findings == ()) == passes


def test_a_card_may_ask_for_more_than_the_law() -> None:
    """The longer of both periods counts."""
    patient = bundle({"retention": {"log_days": 1000}})
    (finding,) = log_retention.check(graph(), run(patient)).findings
    assert (finding.seen, finding.wanted) == ("365", "at least 1000 days")


@pytest.mark.parametrize("text", [None, "", "x", "{}", '{"Statement": "x"}', '{"Statement": [1]}', "[1]"])
def test_what_is_no_policy_is_none(text: str | None) -> None:
    """It is never read as a policy that allows nothing."""
    assert statements(text) is None
