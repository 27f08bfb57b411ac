# SPDX-License-Identifier: Apache-2.0
"""What the policies decide, by a small evaluator: explicit denies first, then allows, else no."""

import re
from typing import Any

import pytest

from infra_pulumi.iam import evidence, inference, keys
from infra_pulumi.iam.evidence import MUTATIONS, TABLE_CHANGES, EvidenceArns, table_guard

TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/x"
ARNS = EvidenceArns(
    f"{TABLE}-log",
    f"{TABLE}-payload",
    f"{TABLE}-state",
    "arn:aws:s3:::archive",
    "arn:aws:kms:eu-west-1:111122223333:key/sign",
    "arn:aws:kms:eu-west-1:111122223333:key/data",
)
ROLE = "arn:aws:iam::111122223333:role"
BREAK_GLASS, ERASER, SIDECAR = f"{ROLE}/break-glass", f"{ROLE}/eraser", f"{ROLE}/sidecar"
POLICIES = {"sidecar": evidence.sidecar(ARNS), "read-side": evidence.read_side(ARNS), "eraser": evidence.eraser(ARNS)}
WRITES = {
    ("sidecar", "log"): {"dynamodb:PartiQLInsert"},
    ("sidecar", "payload"): {"dynamodb:PartiQLInsert"},
    ("sidecar", "state"): {"dynamodb:PartiQLInsert", "dynamodb:UpdateItem"},
    ("eraser", "payload"): {"dynamodb:UpdateItem", "dynamodb:DeleteItem"},
}
"""Everything that may be written, by role and table; all the rest is refused."""


def listed(value: Any) -> list[str]:
    """A string or a list of them, as a list."""
    return [value] if isinstance(value, str) else list(value)


def allowed(policy: dict[str, Any], action: str, resource: str) -> bool:
    """Whether an identity policy without conditions on this action allows it."""
    return any(
        action in listed(statement["Action"]) and resource in listed(statement["Resource"])
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
    )


def denied(guard: dict[str, Any], action: str, principal: str) -> bool:
    """Whether a resource policy denies the action to the principal."""
    return any(
        action in listed(statement["Action"])
        and principal not in statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
        for statement in guard["Statement"]
    )


@pytest.mark.parametrize("part", ["log", "payload", "state"])
@pytest.mark.parametrize("role", POLICIES)
def test_a_role_writes_what_its_table_row_says(role: str, part: str) -> None:
    """Every action that changes items or tables, for every role and table, against one short table."""
    every = {*MUTATIONS, *TABLE_CHANGES, "dynamodb:PartiQLInsert"}
    found = {action for action in every if allowed(POLICIES[role], action, f"{TABLE}-{part}")}
    assert found == WRITES.get((role, part), set())


@pytest.mark.parametrize("action", [*MUTATIONS, *TABLE_CHANGES])
def test_the_log_is_guarded_against_everybody(action: str) -> None:
    """An administrator cannot change the log either; only the break-glass role can."""
    guard = table_guard(ARNS.log, (BREAK_GLASS,), {})
    assert denied(guard, action, f"{ROLE}/administrator")
    assert denied(guard, action, SIDECAR)
    assert not denied(guard, action, BREAK_GLASS)


def test_the_eraser_passes_the_payload_guard_with_its_two_actions_alone() -> None:
    """What the guard lets a role do is no more than what was named for it."""
    erasing = ("dynamodb:DeleteItem", "dynamodb:UpdateItem")
    guard = table_guard(ARNS.payload, (BREAK_GLASS,), {ERASER: erasing})
    passed = {action for action in (*MUTATIONS, *TABLE_CHANGES) if not denied(guard, action, ERASER)}
    assert passed == set(erasing)
    assert all(denied(guard, action, SIDECAR) for action in (*MUTATIONS, *TABLE_CHANGES))


def test_only_the_sidecar_signs() -> None:
    """The key's own policy names the sidecar alone for Sign, and only raw Ed25519."""
    policy = keys.signing_key("111122223333", SIDECAR)
    signers = [s for s in policy["Statement"] if "kms:Sign" in listed(s["Action"])]
    assert [s["Principal"] for s in signers] == [{"AWS": SIDECAR}]
    assert signers[0]["Condition"]["StringEquals"] == {
        "kms:SigningAlgorithm": "ED25519_SHA_512",
        "kms:MessageType": "RAW",
    }
    others = [name for name in POLICIES if allowed(POLICIES[name], "kms:Sign", ARNS.signing_key)]
    assert others == ["sidecar"]


def test_no_policy_has_a_wildcard() -> None:
    """No action is a pattern, and no resource is everything but for the one action that has no resource."""
    policies = [*POLICIES.values(), inference.image_reader(["arn:aws:ecr:eu-west-1:111122223333:repository/x"])]
    for statement in (statement for policy in policies for statement in policy["Statement"]):
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action) for action in listed(statement["Action"]))
        if listed(statement["Resource"]) == ["*"]:
            assert listed(statement["Action"]) == ["ecr:GetAuthorizationToken"]


def test_a_service_that_calls_nothing_gets_no_policy() -> None:
    """Without endpoints and guardrails the service's role holds nothing at all."""
    assert inference.service([], []) is None
    policy = inference.service(["arn:aws:sagemaker:eu-west-1:111122223333:endpoint/churn"], [])
    assert policy is not None
    assert [s["Action"] for s in policy["Statement"]] == [["sagemaker:InvokeEndpoint"]]
