# SPDX-License-Identifier: Apache-2.0
"""Who may become which role: subject and audience must both be right."""

from typing import Any

import pytest

from infra_pulumi.iam.trust import web_identity

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
SUBJECT = "system:serviceaccount:countersign:countersign"


def admits(policy: dict[str, Any], claims: dict[str, str], provider: str = PROVIDER) -> bool:
    """Whether a web identity with these claims may assume the role."""
    (statement,) = policy["Statement"]
    wanted = statement["Condition"]["StringEquals"]
    assert set(statement["Condition"]) == {"StringEquals"}
    return (
        statement["Effect"] == "Allow"
        and statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        and statement["Principal"] == {"Federated": provider}
        and all(claims.get(key.removeprefix(f"{ISSUER}:")) == value for key, value in wanted.items())
    )


SIDECAR = web_identity(PROVIDER, ISSUER, "countersign", "countersign", "countersign-sidecar")


def test_the_right_token_is_admitted() -> None:
    """The pod's service account with the sidecar's audience becomes the sidecar."""
    assert admits(SIDECAR, {"sub": SUBJECT, "aud": "countersign-sidecar"})


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": SUBJECT, "aud": "countersign-service"},
        {"sub": SUBJECT, "aud": "sts.amazonaws.com"},
        {"sub": SUBJECT},
        {"aud": "countersign-sidecar"},
        {"sub": "system:serviceaccount:other:countersign", "aud": "countersign-sidecar"},
        {"sub": f"{SUBJECT}-x", "aud": "countersign-sidecar"},
    ],
)
def test_any_other_token_is_not(claims: dict[str, str]) -> None:
    """The service's container, another namespace or account, or a token without audience is refused."""
    assert not admits(SIDECAR, claims)


def test_another_cluster_is_not_trusted() -> None:
    """The provider is one cluster's."""
    assert not admits(SIDECAR, {"sub": SUBJECT, "aud": "countersign-sidecar"}, PROVIDER + "X")
