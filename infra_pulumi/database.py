# SPDX-License-Identifier: Apache-2.0
"""Aurora PostgreSQL as the store of the log, where a stack asks for it instead of DynamoDB.

The master password is made and kept by RDS in Secrets Manager; no secret passes through the program or its state.
"""

from typing import Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.network import Network
from infra_pulumi.settings import Database as DatabaseSettings
from infra_pulumi.settings import Settings

NAME: Final = "countersign"
OWNER: Final = "countersign_owner"
PORT: Final = 5432


class Database(pulumi.ComponentResource):
    """A writer and a reader in private subnets, encrypted, reachable from the network alone and over TLS only."""

    def __init__(
        self,
        settings: Settings,
        wanted: DatabaseSettings,
        network: Network,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("countersign:database:Database", settings.name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        name = f"{settings.name}-log"
        group = aws.rds.SubnetGroup(name, subnet_ids=network.private_ids, opts=child)
        door = network.reachable_from_inside(f"{name}-database", PORT, "PostgreSQL from inside the network", child)
        parameters = aws.rds.ClusterParameterGroup(
            name,
            family=f"aurora-postgresql{wanted.version.partition('.')[0]}",
            parameters=[{"name": "rds.force_ssl", "value": "1", "apply_method": "immediate"}],
            opts=child,
        )
        logs = aws.cloudwatch.LogGroup(
            name,
            # RDS writes to exactly this name, and would make it without retention or key if it came first.
            name=f"/aws/rds/cluster/{name}/postgresql",
            retention_in_days=settings.cluster.log_days,
            kms_key_id=key_arn,
            opts=child,
        )
        self.cluster = aws.rds.Cluster(
            name,
            cluster_identifier=name,
            engine=aws.rds.EngineType.AURORA_POSTGRESQL,
            engine_version=wanted.version,
            engine_mode="provisioned",
            database_name=NAME,
            master_username=OWNER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key_arn,
            db_subnet_group_name=group.name,
            vpc_security_group_ids=[door.id],
            db_cluster_parameter_group_name=parameters.name,
            storage_encrypted=True,
            kms_key_id=key_arn,
            iam_database_authentication_enabled=True,
            backup_retention_period=wanted.backup_days,
            copy_tags_to_snapshot=True,
            deletion_protection=not settings.removable,
            skip_final_snapshot=settings.removable,
            final_snapshot_identifier=f"{name}-final",
            enabled_cloudwatch_logs_exports=["postgresql"],
            serverlessv2_scaling_configuration={
                "min_capacity": wanted.least_capacity,
                "max_capacity": wanted.most_capacity,
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs]),
        )
        for part in ("writer", "reader"):
            aws.rds.ClusterInstance(
                f"{name}-{part}",
                cluster_identifier=self.cluster.id,
                engine=aws.rds.EngineType.AURORA_POSTGRESQL,
                instance_class="db.serverless",
                publicly_accessible=False,
                auto_minor_version_upgrade=True,
                opts=child,
            )
        self.register_outputs({"endpoint": self.cluster.endpoint})
