# SPDX-License-Identifier: Apache-2.0
"""Who may become a role: one service account, through a token made for one audience.

Containers of a pod share its service account, so the subject alone cannot tell them apart. Each container has a
projected token of its own audience, and its role asks for that audience: the service cannot become the sidecar.
"""

from infra_pulumi.iam.document import Document


def web_identity(provider_arn: str, issuer: str, namespace: str, account: str, audience: str) -> Document:
    """The trust policy of an IRSA role. ``issuer`` is the OIDC issuer without ``https://``."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{issuer}:sub": f"system:serviceaccount:{namespace}:{account}",
                        f"{issuer}:aud": audience,
                    }
                },
            }
        ],
    }


def service_trust(service: str, account_id: str) -> Document:
    """The trust policy of a role that an AWS service takes on for resources of this account."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
            }
        ],
    }


def plain_service_trust(service: str) -> Document:
    """The trust policy of a role for a service that sends no source account (EC2, EKS)."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
