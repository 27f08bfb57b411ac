# SPDX-License-Identifier: Apache-2.0
"""KMS keys: one encrypts what is stored, one signs checkpoints and can do nothing else."""

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam import keys
from infra_pulumi.settings import Settings


class EncryptionKey(pulumi.ComponentResource):
    """The symmetric key of tables, archive, logs and secrets, rotated each year."""

    def __init__(self, settings: Settings, account_id: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("countersign:keys:EncryptionKey", settings.name, {}, opts)
        logs = f"arn:aws:logs:{settings.region}:{account_id}:log-group:*"
        self.key = aws.kms.Key(
            f"{settings.name}-data",
            description=f"{settings.name}: tables, archive, logs and cluster secrets",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=pulumi.Output.json_dumps(keys.encryption_key(account_id, settings.region, logs)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.kms.Alias(
            f"{settings.name}-data",
            name=f"alias/{settings.name}-data",
            target_key_id=self.key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": self.key.arn})


class SigningKey(pulumi.ComponentResource):
    """The log key: Ed25519, inside KMS. An asymmetric key has no rotation; a new one is a new line of log.vkey."""

    def __init__(
        self,
        settings: Settings,
        account_id: str,
        sidecar_role: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("countersign:keys:SigningKey", settings.name, {}, opts)
        policy = pulumi.Output.from_input(sidecar_role).apply(lambda role: keys.signing_key(account_id, role))
        self.key = aws.kms.Key(
            f"{settings.name}-log",
            description=f"{settings.name}: signs checkpoints of the log",
            key_usage="SIGN_VERIFY",
            customer_master_key_spec="ECC_NIST_EDWARDS25519",
            deletion_window_in_days=30,
            policy=pulumi.Output.json_dumps(policy),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.kms.Alias(
            f"{settings.name}-log",
            name=f"alias/{settings.name}-log",
            target_key_id=self.key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": self.key.arn})
