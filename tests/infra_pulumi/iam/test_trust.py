# SPDX-License-Identifier: Apache-2.0
"""Who may become which role, decided over the program's own trust policies: subject and audience must both be right.

A simulator drops the issuer's keys, which are in nobody's data, so this evaluator reads the statements. It knows
exactly what these policies hold, and refuses to judge anything else. As at AWS, a condition holds only if every key in
it is in the token and equals one of its values; a key that is not asked for is not looked at.
"""

from copy import deepcopy
from typing import NamedTuple

import pytest

from infra_pulumi.iam.document import Document
from infra_pulumi.iam.trust import web_identity
from tests.infra_pulumi.iam.decisions import as_list
from tests.infra_pulumi.iam.documents import ACCOUNT, ISSUER, PROVIDER, documents

POD, READER = "system:serviceaccount:countersign:countersign", "system:serviceaccount:countersign:countersign-read-side"
ERASER, ARGO_CD = (
    "system:serviceaccount:countersign:countersign-eraser",
    "system:serviceaccount:argocd:argocd-repo-server",
)
AWS = "sts.amazonaws.com"
TOKENS = {
    "service": (POD, "countersign-service"),
    "sidecar": (POD, "countersign-sidecar"),
    "read-side": (READER, AWS),
    "eraser": (ERASER, AWS),
    "argocd": (ARGO_CD, AWS),
}
"""The one subject and audience of each program."""
OTHER_ISSUER = ISSUER.replace("oidc.example", "oidc.elsewhere")


class Token(NamedTuple):
    """What a service account shows; None for a claim that is not there. ``provider`` is the issuer as AWS knows it."""

    subject: str | None
    audience: str | None
    provider: str = PROVIDER
    issuer: str = ISSUER


def admits(policy: Document, token: Token) -> bool:
    """Whether AssumeRoleWithWebIdentity with this token is allowed."""
    claims = {f"{token.issuer}:sub": token.subject, f"{token.issuer}:aud": token.audience}
    return any(_admits(statement, token.provider, claims) for statement in policy["Statement"])


def _admits(statement: Document, provider: str, claims: dict[str, str | None]) -> bool:
    assert set(statement) <= {"Effect", "Principal", "Action", "Condition"}, "a statement this evaluator cannot judge"
    assert statement["Effect"] == "Allow"
    if "Federated" not in statement["Principal"]:
        return False
    condition = statement.get("Condition", {})
    assert set(condition) <= {"StringEquals"}, "an operator this evaluator cannot judge"
    return (
        provider in as_list(statement["Principal"]["Federated"])
        and "sts:AssumeRoleWithWebIdentity" in as_list(statement["Action"])
        and all(claims.get(key) in as_list(values) for key, values in condition.get("StringEquals", {}).items())
    )


def tokens() -> list[Token]:
    """Every subject with every audience, and each claim wrong in turn."""
    subjects = [*{subject for subject, _ in TOKENS.values()}, None, f"{POD}-x", POD.upper()]
    subjects += ["system:serviceaccount:other:countersign", "system:serviceaccount:countersign:default", "*"]
    audiences = [*{audience for _, audience in TOKENS.values()}, None, "countersign", "*"]
    issuers = [(PROVIDER, ISSUER), (PROVIDER.replace(ISSUER, OTHER_ISSUER), OTHER_ISSUER), (PROVIDER, OTHER_ISSUER)]
    issuers.append((PROVIDER.replace(ACCOUNT, "999988887777"), ISSUER))
    return [Token(sub, aud, *issuer) for sub in sorted(subjects, key=str) for aud in audiences for issuer in issuers]


def wrongly_admitted(role: str, policy: Document) -> list[Token]:
    """Tokens that get in and should not, or the one that should and does not."""
    right = Token(*TOKENS[role])
    return [token for token in tokens() if admits(policy, token) is not (token == right)]


def test_every_role_of_a_program_is_in_the_table() -> None:
    """The others are AWS's own services to take on, each by name; none may be taken on through a token."""
    trust = documents().trust
    federated = {name for name, policy in trust.items() if "Federated" in policy["Statement"][0]["Principal"]}
    assert federated == set(TOKENS)
    services = {name: policy["Statement"] for name, policy in trust.items() if name not in federated}
    assert {name: [one["Principal"] for one in statements] for name, statements in services.items()} == {
        "flow-log": [{"Service": "vpc-flow-logs.amazonaws.com"}],
        "control-plane": [{"Service": "eks.amazonaws.com"}],
        "node": [{"Service": "ec2.amazonaws.com"}],
        "insights": [{"Service": "pods.eks.amazonaws.com"}],
    }


@pytest.mark.parametrize("role", TOKENS)
def test_a_role_admits_one_token_and_no_other(role: str) -> None:
    """Not the other container's, another namespace's or account's, another cluster's, or one that lacks a claim."""
    assert wrongly_admitted(role, documents().trust[role]) == []
    assert [name for name, token in TOKENS.items() if admits(documents().trust[role], Token(*token))] == [role]


@pytest.mark.parametrize("role", TOKENS)
@pytest.mark.parametrize("claim", ["sub", "aud"])
def test_a_condition_less_is_noticed(role: str, claim: str) -> None:
    """Without either the table fails."""
    policy = deepcopy(documents().trust[role])
    del policy["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:{claim}"]
    assert wrongly_admitted(role, policy) != []


def test_one_more_audience_or_subject_is_noticed() -> None:
    """A list in the place of one value lets the other container in."""
    for claim, value in (("aud", "countersign-service"), ("sub", READER)):
        policy = web_identity(PROVIDER, ISSUER, "countersign", "countersign", "countersign-sidecar")
        assert wrongly_admitted("sidecar", policy) == []
        wanted = policy["Statement"][0]["Condition"]["StringEquals"]
        wanted[f"{ISSUER}:{claim}"] = [wanted[f"{ISSUER}:{claim}"], value]
        assert wrongly_admitted("sidecar", policy) != []
