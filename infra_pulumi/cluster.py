# SPDX-License-Identifier: Apache-2.0
"""The EKS cluster: private API unless a stack names networks, secrets encrypted, every control-plane log kept."""

from typing import Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.trust import plain_service_trust
from infra_pulumi.managed_roles import managed_role
from infra_pulumi.network import Network
from infra_pulumi.settings import Settings

LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
AUDIENCES: Final = ("countersign-service", "countersign-sidecar", "sts.amazonaws.com")
"""Whom projected tokens may be made for: one audience a container, and AWS's own for pods with one container."""


class Cluster(pulumi.ComponentResource):
    """Control plane, who administers it, and the OIDC provider that IRSA trusts."""

    def __init__(
        self,
        settings: Settings,
        network: Network,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("countersign:cluster:Cluster", settings.name, {}, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)
        logs = aws.cloudwatch.LogGroup(
            f"{settings.name}-control-plane",
            # EKS writes to exactly this name, and would make it without retention or key if it came first.
            name=f"/aws/eks/{settings.name}/cluster",
            retention_in_days=settings.cluster.log_days,
            kms_key_id=key_arn,
            opts=self._child,
        )
        self.cluster = self._control_plane(network, key_arn, logs)
        issuer = self.cluster.identities[0].oidcs[0].issuer
        self.provider = aws.iam.OpenIdConnectProvider(
            settings.name, url=issuer, client_id_lists=list(AUDIENCES), opts=self._child
        )
        self.issuer: pulumi.Output[str] = issuer.apply(lambda url: url.removeprefix("https://"))
        for number, admin in enumerate(settings.cluster.admins):
            self._admit(f"{settings.name}-admin-{number}", admin)
        self.register_outputs({"name": self.cluster.name, "issuer": self.issuer})

    def _control_plane(
        self, network: Network, key_arn: pulumi.Input[str], logs: aws.cloudwatch.LogGroup
    ) -> aws.eks.Cluster:
        settings = self._settings
        trust = plain_service_trust("eks.amazonaws.com")
        role = managed_role(f"{settings.name}-control-plane", trust, ("AmazonEKSClusterPolicy",), self._child)
        public = bool(settings.cluster.public_from)
        return aws.eks.Cluster(
            settings.name,
            name=settings.name,
            version=settings.cluster.version,
            role_arn=role.role.arn,
            vpc_config={
                "subnet_ids": network.private_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": public,
                "public_access_cidrs": list(settings.cluster.public_from) if public else None,
            },
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(LOGS),
            kubernetes_network_config={"service_ipv4_cidr": settings.cluster.services},
            encryption_config={"provider": {"key_arn": key_arn}, "resources": ["secrets"]},
            upgrade_policy={"support_type": "STANDARD"},
            deletion_protection=not settings.removable,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, *role.attachments]),
        )

    def _admit(self, name: str, principal: str) -> None:
        entry = aws.eks.AccessEntry(name, cluster_name=self.cluster.name, principal_arn=principal, opts=self._child)
        aws.eks.AccessPolicyAssociation(
            name,
            cluster_name=self.cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            access_scope={"type": "cluster"},
            opts=self._child,
        )
