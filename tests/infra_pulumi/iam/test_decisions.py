# SPDX-License-Identifier: Apache-2.0
"""What AWS would decide over the documents that the program applies: every role, every action, one short table."""

from collections.abc import Mapping
from functools import lru_cache

import pytest

from infra_pulumi.iam import inference
from infra_pulumi.iam.document import Document
from tests.infra_pulumi.iam import documents as the
from tests.infra_pulumi.iam.decisions import (
    ALLOWED,
    DATA,
    ELSEWHERE,
    LOG,
    OBJECTS,
    PAYLOAD,
    SERVICES,
    SIGNING,
    STATE,
    as_list,
    expected,
    known,
    listed,
    request,
    rows,
    stated,
)
from tests.infra_pulumi.iam.simulator import Row, decide

TILE, CHECKPOINT = OBJECTS.replace("*", "tile/0/000"), OBJECTS.replace("*", "checkpoints/7")
THROUGH = {service: f"{service}.{the.REGION}.amazonaws.com" for service in ("dynamodb", "s3", "secretsmanager")}


def policies(**more: Document) -> dict[str, Document]:
    """The program's documents by the names that rows have for them, and these."""
    return {**the.documents().identity, **the.documents().guards, "everything": the.EVERYTHING, **more}


@lru_cache(1)
def decided() -> Mapping[str, list[tuple[Row, str]]]:
    """Every row of every role with its decision, all in one run of the simulator."""
    every = [row for role in ALLOWED for row in rows(role)]
    found: dict[str, list[tuple[Row, str]]] = {role: [] for role in ALLOWED}
    for row, decision in zip(every, decide(policies(), every), strict=True):
        found[row.identity].append((row, decision))
    return found


def test_the_table_has_every_role_and_every_service() -> None:
    """A role, or a service that a document names, which the table does not know would be decided by nobody."""
    documents = the.documents()
    assert set(documents.identity) == set(ALLOWED)
    named = {
        action.partition(":")[0]
        for document in (*documents.identity.values(), *documents.guards.values())
        for statement in document["Statement"]
        for action in as_list(statement["Action"])
    }
    assert named <= set(SERVICES)
    # What AWS itself takes on has its managed policies alone, and those are in nobody's table.
    assert set(documents.trust) - set(ALLOWED) == {"control-plane", "node", "insights"}


@pytest.mark.parametrize("role", ALLOWED)
def test_a_document_lists_what_the_table_does(role: str) -> None:
    """Action, resource and condition, whether or not it takes effect."""
    assert listed(the.documents().identity[role]) == stated(role)


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: str) -> None:
    """Each action of each service, decided over the role's document and the resource's own."""
    wrong = [
        (row.action, row.resource, decision)
        for row, decision in decided()[role]
        if (decision == "allowed") is not expected(role, row.action, row.resource)
    ]
    assert wrong == []
    effective = {row.action for row, decision in decided()[role] if decision == "allowed"}
    assert {action for action, _, _ in stated(role)} <= effective, "what is listed takes effect somewhere"


CONDITIONS = [
    ("sidecar", "kms:Sign", SIGNING, {}, "allowed"),
    ("sidecar", "kms:Sign", SIGNING, {"kms:MessageType": "DIGEST"}, "denied"),
    ("sidecar", "kms:Sign", SIGNING, {"kms:MessageType": ""}, "denied"),
    ("sidecar", "kms:Sign", SIGNING, {"kms:SigningAlgorithm": "ED25519_PH_SHA_512"}, "denied"),
    ("sidecar", "kms:Sign", SIGNING, {"kms:SigningAlgorithm": ""}, "denied"),
    ("sidecar", "kms:Decrypt", DATA, {"kms:ViaService": THROUGH["s3"]}, "allowed"),
    ("sidecar", "kms:Decrypt", DATA, {"kms:ViaService": ""}, "denied"),
    ("sidecar", "kms:GenerateDataKey", DATA, {"kms:ViaService": THROUGH["secretsmanager"]}, "denied"),
    ("sidecar", "kms:GenerateDataKey", DATA, {"kms:ViaService": THROUGH["dynamodb"]}, "denied"),
    ("read-side", "kms:GenerateDataKey", DATA, {"kms:ViaService": THROUGH["dynamodb"]}, "denied"),
    ("sidecar", "s3:ListBucketVersions", the.BUCKET, {"s3:prefix": ""}, "denied"),
    ("sidecar", "s3:ListBucketVersions", the.BUCKET, {"s3:prefix": "elsewhere/"}, "denied"),
    ("read-side", "kms:Decrypt", DATA, {"kms:ViaService": THROUGH["s3"]}, "allowed"),
    ("read-side", "kms:Decrypt", DATA, {"kms:ViaService": ""}, "denied"),
    ("eraser", "kms:Decrypt", DATA, {"kms:ViaService": THROUGH["s3"]}, "denied"),
    ("eraser", "kms:Decrypt", DATA, {"kms:ViaService": ""}, "denied"),
    ("sidecar", "s3:PutObject", TILE, {"s3:object-lock-mode": ""}, "allowed"),
    ("sidecar", "s3:PutObject", TILE, {"aws:SecureTransport": "false"}, "forbidden"),
    ("sidecar", "s3:PutObject", CHECKPOINT, {"s3:object-lock-mode": ""}, "forbidden"),
    ("sidecar", "s3:PutObject", CHECKPOINT, {"s3:object-lock-mode": "GOVERNANCE"}, "forbidden"),
    ("sidecar", "s3:PutObject", CHECKPOINT, {}, "allowed"),
    ("read-side", "s3:GetObjectVersion", TILE, {"aws:SecureTransport": "false"}, "forbidden"),
    ("administrator", "s3:PutObject", CHECKPOINT, {"s3:object-lock-mode": ""}, "forbidden"),
    ("administrator", "s3:GetObject", TILE, {"aws:SecureTransport": "false"}, "forbidden"),
    ("administrator", "kms:Decrypt", DATA, {"kms:CallerAccount": "999988887777"}, "denied"),
]


def test_conditions_decide() -> None:
    """The one context that is wanted, and each way to miss it."""
    asked = [
        request(
            the.ADMINISTRATOR if role == "administrator" else the.role(role),
            action, resource, "everything" if role == "administrator" else role, **context,
        )
        for role, action, resource, context, _ in CONDITIONS
    ]  # fmt: skip
    found = decide(policies(), asked)
    assert [(*case[:4], said) for case, said in zip(CONDITIONS, found, strict=True)] == CONDITIONS


PASSES: Mapping[tuple[str, str], set[str]] = {
    ("sidecar", LOG): {"PartiQLInsert"},
    ("sidecar", PAYLOAD): {"PartiQLInsert"},
    ("sidecar", STATE): {"PartiQLInsert", "UpdateItem"},
    ("eraser", PAYLOAD): {"UpdateItem", "DeleteItem"},
}
"""Whom a table's own policy lets write to it, whatever else that role should one day be allowed."""

UNGUARDED = {
    # Makes another table or brings one back under another name; the one that is there stays as it is.
    "CreateTable", "ImportTable", "RestoreTableFromAwsBackup", "RestoreTableFromBackup",
    # Copies a table, and changes nothing in it. A copy of payloads outlives their erasure.
    "CreateBackup", "ExportTableToPointInTime", "StartAwsBackupJob",
    "DisableKinesisStreamingDestination", "EnableKinesisStreamingDestination", "UpdateKinesisStreamingDestination",
    # A replica is made by UpdateTable, which is guarded; these are what AWS asks for besides, and the older version's.
    "AssociateTableReplica", "CreateGlobalTable", "CreateGlobalTableWitness", "CreateTableReplica",
    "DeleteGlobalTableWitness", "DeleteTableReplica", "ReplicateSettings", "UpdateGlobalTable",
    "UpdateGlobalTableSettings", "UpdateGlobalTableVersion", "UpdateTableReplicaAutoScaling", "WriteDataForReplication",
    # Neither items nor protection.
    "TagResource", "UntagResource", "UpdateContributorInsights",
}  # fmt: skip
"""What an administrator may still do to a table. An action that AWS adds is in nobody's list, and fails the test."""


def on_tables() -> set[str]:
    """Every action on a table that writes, tags or manages permissions."""
    return {name for name, action in known()["dynamodb"].actions.items() if action.mutates and "table" in action.on}


def test_the_guards_of_the_tables_hold_against_everybody() -> None:
    """Roles and administrators that were given everything still change no table, but for what is theirs."""
    who = {name: the.role(name) for name in ALLOWED}
    who |= {"administrator": the.ADMINISTRATOR, "break-glass": the.BREAK_GLASS}
    cases = [(name, table, action) for name in who for table in (LOG, PAYLOAD, STATE) for action in sorted(on_tables())]
    asked = [request(who[name], action, table, "everything") for name, table, action in cases]
    wrong = [
        (case, said)
        for case, said in zip(cases, decide(policies(), asked), strict=True)
        if (said == "allowed") is not _passes(*case)
    ]
    assert wrong == []


def _passes(name: str, table: str, action: str) -> bool:
    short = action.removeprefix("dynamodb:")
    return name == "break-glass" or short in UNGUARDED or short in PASSES.get((name, table), set())


ADMINISTRATION = {
    "CancelKeyDeletion", "DescribeKey", "DisableKey", "EnableKey", "EnableKeyRotation", "GetKeyPolicy",
    "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies", "ListResourceTags", "PutKeyPolicy", "ScheduleKeyDeletion",
    "TagResource", "UntagResource", "UpdateKeyDescription", "CreateAlias",
    # A stack that may go takes its names with it, and KMS asks the key as well as the name.
    "DeleteAlias",
}  # fmt: skip
"""What the account may do to either key. PutKeyPolicy is among it: who administers a key can let themselves sign."""
USES = {
    SIGNING: {"GetPublicKey", "Verify"},
    DATA: {"CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey"},
}


def test_a_key_obeys_its_own_policy_first() -> None:
    """Who may do everything still cannot sign; only the sidecar can, raw and Ed25519."""
    actions = [name for name, action in known()["kms"].actions.items() if "key" in action.on]
    who = {"administrator": the.ADMINISTRATOR, **{name: the.role(name) for name in ("sidecar", "read-side", "eraser")}}
    cases = [(name, key, action) for name in who for key in (SIGNING, DATA) for action in actions]
    found = decide(policies(), [request(who[name], action, key, "everything") for name, key, action in cases])
    allowed = {case for case, said in zip(cases, found, strict=True) if said == "allowed"}
    assert allowed == {
        (name, key, f"kms:{action}")
        for name in who
        for key in (SIGNING, DATA)
        for action in ADMINISTRATION | USES[key] | ({"Sign"} if (name, key) == ("sidecar", SIGNING) else set())
    }
    other = [{"kms:MessageType": "DIGEST"}, {"kms:SigningAlgorithm": "ED25519_PH_SHA_512"}, {"kms:MessageType": ""}]
    asked = [request(who["sidecar"], "kms:Sign", SIGNING, "everything", **context) for context in other]
    assert set(decide(policies(), asked)) == {"denied"}


def test_another_account_is_let_in_nowhere() -> None:
    """An administrator of somebody else's account, whatever that account allows."""
    resources = {"dynamodb": (LOG, PAYLOAD, STATE), "s3": (the.BUCKET, TILE, CHECKPOINT), "kms": (SIGNING, DATA)}
    kinds = {LOG: "table", PAYLOAD: "table", STATE: "table", the.BUCKET: "bucket", TILE: "object", CHECKPOINT: "object"}
    asked = [
        request(ELSEWHERE, name, resource, "everything")
        for service, every in resources.items()
        for resource in every
        for name, action in known()[service].actions.items()
        if kinds.get(resource, "key") in action.on
    ]
    assert len(asked) > 300
    assert "allowed" not in decide(policies(), asked)


def test_a_service_that_calls_nothing_gets_no_policy() -> None:
    """Without endpoints and guardrails the service's role holds nothing at all; with one kind, no more than that."""
    assert inference.service([], []) is None
    policy = inference.service([the.ENDPOINT], [])
    assert policy is not None
    assert [statement["Action"] for statement in policy["Statement"]] == [["sagemaker:InvokeEndpoint"]]
