# SPDX-License-Identifier: Apache-2.0
"""The archive: the log as plain C2SP files in a bucket whose objects nobody can remove before their time.

Object Lock in COMPLIANCE mode holds against the account's root too. No payload is ever written here.
"""

import json

import pulumi
import pulumi_aws as aws

from infra_pulumi.settings import Settings


class Archive(pulumi.ComponentResource):
    """A versioned, locked, private bucket that speaks TLS only."""

    def __init__(
        self, settings: Settings, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("countersign:archive:Archive", settings.name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        name = f"{settings.name}-archive"
        self.bucket = aws.s3.Bucket(
            name,
            object_lock_enabled=True,
            force_destroy=False,
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            name, bucket=self.bucket.id, versioning_configuration={"status": "Enabled"}, opts=child
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[versioning])
        # No default retention: the sidecar locks each object that is final. A default would lock every partial tile and
        # every `checkpoint` that was ever replaced, for ten years.
        aws.s3.BucketObjectLockConfiguration(name, bucket=self.bucket.id, object_lock_enabled="Enabled", opts=after)
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": key_arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=child,
        )
        aws.s3.BucketPublicAccessBlock(
            name,
            bucket=self.bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            name, bucket=self.bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=child
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=self.bucket.id,
            rules=[
                {
                    "id": "cheaper-when-old",
                    "status": "Enabled",
                    "filter": {"prefix": "log/"},
                    "transitions": [{"days": 90, "storage_class": "STANDARD_IA"}],
                },
                {
                    "id": "unfinished-uploads",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
                },
            ],
            opts=after,
        )
        aws.s3.BucketPolicy(name, bucket=self.bucket.id, policy=self.bucket.arn.apply(_bucket_policy), opts=child)
        self.register_outputs({"arn": self.bucket.arn})


def _bucket_policy(arn: str) -> str:
    """Deny what does not come over TLS, and a kept checkpoint that could be removed again."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "TlsOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
                {
                    "Sid": "KeptCheckpointsAreLocked",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:PutObject",
                    "Resource": f"{arn}/log/checkpoints/*",
                    "Condition": {"StringNotEqualsIfExists": {"s3:object-lock-mode": "COMPLIANCE"}},
                },
            ],
        }
    )
