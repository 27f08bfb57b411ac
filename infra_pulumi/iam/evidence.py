# SPDX-License-Identifier: Apache-2.0
"""What the programs that touch evidence may do to tables, archive and signing key.

The log is append-only by what is *not* allowed: the sidecar may insert by PartiQL, which refuses a key that is there,
and has no PutItem, which would overwrite. Readers read. The eraser alone may change a payload, and nothing else.
"""

from typing import Final, NamedTuple

from infra_pulumi.iam.document import Document, Statement, allow, document

READ: Final = ("dynamodb:GetItem", "dynamodb:Query")
"""Of log and state."""
READ_MANY: Final = ("dynamodb:BatchGetItem",)
"""Of payloads, and of index items: where foreign spans of an export, or of a log that is checked, were seen before."""
INSERT: Final = ("dynamodb:PartiQLInsert",)
SCAN: Final = ("dynamodb:Scan",)
"""Of the index alone, which fsck compares with the log from end to end."""
DESCRIBE: Final = ("dynamodb:DescribeTable",)
READ_ARCHIVE: Final = ("s3:GetObject", "s3:GetObjectVersion")
"""The first version of an object is the one that counts, so readers ask for versions."""

MUTATIONS: Final = (
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
"""Every data-plane action that could change or remove an item that is there."""

TABLE_CHANGES: Final = (
    "dynamodb:DeleteTable",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:PutResourcePolicy",
    "dynamodb:RestoreTableToPointInTime",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
)
"""Actions on the table itself by which evidence could be lost, or its protection lifted."""


class EvidenceArns(NamedTuple):
    """The resources of one log."""

    log: str
    payload: str
    state: str
    bucket: str
    signing_key: str
    encryption_key: str


def sidecar(arns: EvidenceArns) -> Document:
    """Insert and read log and payloads, keep state, write the archive once, sign checkpoints."""
    return document(
        allow("Append", (*INSERT, *READ), (arns.log,)),
        allow("KeepPayloads", (*INSERT, *READ_MANY), (arns.payload,)),
        allow("KeepState", (*INSERT, "dynamodb:UpdateItem", *READ, *READ_MANY), (arns.state,)),
        allow("Archive", ("s3:PutObject", "s3:PutObjectRetention", *READ_ARCHIVE), (f"{arns.bucket}/log/*",)),
        *_list_archive(arns),
        allow(
            "SignCheckpoints",
            ("kms:Sign",),
            (arns.signing_key,),
            {"StringEquals": {"kms:SigningAlgorithm": "ED25519_SHA_512", "kms:MessageType": "RAW"}},
        ),
        allow("ReadPublicKey", ("kms:GetPublicKey",), (arns.signing_key,)),
        allow("SeeThatItLocks", ("s3:GetBucketObjectLockConfiguration",), (arns.bucket,)),
        _encryption(arns, "kms:Decrypt", "dynamodb", "s3"),
        # A table has its key from when it was made; each object has one of its own.
        _encryption(arns, "kms:GenerateDataKey", "s3"),
    )


def read_side(arns: EvidenceArns) -> Document:
    """Read everything, write nothing; no signing key."""
    return document(
        allow("Read", READ, (arns.log, arns.state)),
        allow("ReadMany", READ_MANY, (arns.payload, arns.state)),
        allow("Describe", DESCRIBE, (arns.log, arns.payload, arns.state)),
        allow("CheckIndex", SCAN, (arns.state,)),
        allow("ReadArchive", READ_ARCHIVE, (f"{arns.bucket}/log/*",)),
        *_list_archive(arns),
        _encryption(arns, "kms:Decrypt", "dynamodb", "s3"),
    )


def eraser(arns: EvidenceArns) -> Document:
    """Find records, and destroy or rewrite payloads; the log stays out of reach."""
    return document(
        allow("Find", READ, (arns.log, arns.state)),
        allow("Erase", (*READ_MANY, "dynamodb:UpdateItem", "dynamodb:DeleteItem"), (arns.payload,)),
        _encryption(arns, "kms:Decrypt", "dynamodb"),
    )


def table_guard(table: str, changers: tuple[str, ...], allowed: dict[str, tuple[str, ...]]) -> Document:
    """The resource policy of a table: nobody writes to it but ``changers`` and, by its actions, ``allowed``.

    A deny in the resource policy holds against every identity of the account, administrators included.
    """
    statements: list[Statement] = []
    excused: dict[tuple[str, ...], list[str]] = {}
    for action in (*INSERT, *MUTATIONS, *TABLE_CHANGES):
        who = tuple(sorted({*changers, *(role for role, actions in allowed.items() if action in actions)}))
        excused.setdefault(who, []).append(action)
    for number, (who, actions) in enumerate(sorted(excused.items())):
        statements.append(
            {
                "Sid": f"DenyMutation{number}",
                "Effect": "Deny",
                "Principal": "*",
                "Action": actions,
                "Resource": table,
                "Condition": {"ArnNotEquals": {"aws:PrincipalArn": list(who)}},
            }
        )
    return document(*statements)


def _list_archive(arns: EvidenceArns) -> tuple[Statement, ...]:
    return (
        allow("ListArchive", ("s3:ListBucketVersions",), (arns.bucket,), {"StringLike": {"s3:prefix": ["log/*"]}}),
        # Without it S3 answers 403 for an object that is not there; a get has no prefix that a condition could name.
        allow("TellMissing", ("s3:ListBucket",), (arns.bucket,)),
    )


def _encryption(arns: EvidenceArns, action: str, *services: str) -> Statement:
    region = arns.encryption_key.split(":")[3]
    return allow(
        f"{action.removeprefix('kms:')}Through",
        (action,),
        (arns.encryption_key,),
        {"StringEquals": {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]}},
    )
