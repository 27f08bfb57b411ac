# SPDX-License-Identifier: Apache-2.0
"""The three DynamoDB tables of a log: what was appended, payloads beside it, and what may change.

Only the log has point-in-time recovery for the full 35 days: a restore of payloads could bring back what was erased,
so theirs lasts no longer than the erasure window.
"""

from typing import Any

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.evidence import INSERT, table_guard
from infra_pulumi.settings import Settings


class EvidenceTables(pulumi.ComponentResource):
    """``log`` (log, n), ``payload`` (key) and ``state`` (pk, sk), each guarded by a resource policy."""

    def __init__(
        self, settings: Settings, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("countersign:tables:EvidenceTables", settings.name, {}, opts)
        self._settings, self._key = settings, key_arn
        window = settings.evidence.erasure_window_days
        self.log = self._table("log", [("log", "S"), ("n", "N")], {"enabled": True, "recovery_period_in_days": 35})
        self.payload = self._table(
            "payload",
            [("key", "S")],
            {"enabled": True, "recovery_period_in_days": window} if window else {"enabled": False},
        )
        self.state = self._table("state", [("pk", "S"), ("sk", "S")], {"enabled": True, "recovery_period_in_days": 35})
        self.register_outputs({"log": self.log.arn, "payload": self.payload.arn, "state": self.state.arn})

    def guard(self, eraser: pulumi.Input[str], sidecar: pulumi.Input[str]) -> None:
        """Deny writing to all but the sidecar (inserts, state), the eraser (payloads) and the break-glass role."""
        erasing = ("dynamodb:DeleteItem", "dynamodb:UpdateItem")
        self._guard("log", self.log, [sidecar], [INSERT])
        self._guard("payload", self.payload, [sidecar, eraser], [INSERT, erasing])
        self._guard("state", self.state, [sidecar], [(*INSERT, "dynamodb:UpdateItem")])

    def _guard(
        self, part: str, table: aws.dynamodb.Table, who: list[pulumi.Input[str]], what: list[tuple[str, ...]]
    ) -> None:
        changers = (self._settings.evidence.break_glass,)
        policy = pulumi.Output.all(table.arn, *who).apply(
            lambda known: table_guard(known[0], changers, dict(zip(known[1:], what, strict=True)))
        )
        aws.dynamodb.ResourcePolicy(
            f"{self._settings.name}-{part}",
            resource_arn=table.arn,
            policy=pulumi.Output.json_dumps(policy),
            # The policy takes the right to change it from whoever makes it here; AWS asks whether that is meant.
            confirm_remove_self_resource_access=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _table(self, part: str, key: list[tuple[str, str]], recovery: Any) -> aws.dynamodb.Table:
        name = f"{self._settings.name}-{part}"
        return aws.dynamodb.Table(
            name,
            name=name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=key[0][0],
            range_key=key[1][0] if len(key) > 1 else None,
            attributes=[{"name": attribute, "type": kind} for attribute, kind in key],
            deletion_protection_enabled=not self._settings.removable,
            point_in_time_recovery=recovery,
            server_side_encryption={"enabled": True, "kms_key_arn": self._key},
            opts=pulumi.ResourceOptions(parent=self),
        )
