# SPDX-License-Identifier: Apache-2.0
"""Key policies. A KMS key obeys its own policy first: without one that names them, no role can use it."""

from typing import Final

from infra_pulumi.iam.document import Document, document

ADMINISTER: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)


def signing_key(account_id: str, sidecar: str) -> Document:
    """The account administers the key and cannot sign with it; the sidecar signs checkpoints, raw, Ed25519."""
    return document(
        _administration(account_id),
        {
            "Sid": "SidecarSigns",
            "Effect": "Allow",
            "Principal": {"AWS": sidecar},
            "Action": ["kms:Sign"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:SigningAlgorithm": "ED25519_SHA_512", "kms:MessageType": "RAW"}},
        },
        {
            "Sid": "AnyoneHereMayVerify",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Action": ["kms:GetPublicKey", "kms:Verify"],
            "Resource": "*",
        },
    )


def encryption_key(account_id: str, region: str, log_groups: str) -> Document:
    """The account's IAM decides who uses the key, through the services that hold the data; CloudWatch Logs too."""
    return document(
        _administration(account_id),
        {
            "Sid": "ThroughIam",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:CallerAccount": account_id}},
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        },
    )


def _administration(account_id: str) -> dict[str, object]:
    return {
        "Sid": "Administer",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
        "Action": list(ADMINISTER),
        "Resource": "*",
    }
