# SPDX-License-Identifier: Apache-2.0
"""The EKS cluster: private API unless a stack names networks, secrets encrypted, every control-plane log kept."""

from typing import Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.trust import plain_service_trust
from infra_pulumi.network import Network
from infra_pulumi.settings import Settings

LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
ADDONS: Final = ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "metrics-server")
MANAGED: Final = "arn:aws:iam::aws:policy"
NODE_POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
AUDIENCES: Final = ("countersign-service", "countersign-sidecar", "sts.amazonaws.com")
"""Whom projected tokens may be made for: one audience a container, and AWS's own for pods with one container."""


class Cluster(pulumi.ComponentResource):
    """Control plane, one managed node group, add-ons and the OIDC provider that IRSA trusts."""

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
        nodes = self._nodes(network)
        for addon in ADDONS:
            aws.eks.Addon(
                f"{settings.name}-{addon}",
                cluster_name=self.cluster.name,
                addon_name=addon,
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="PRESERVE",
                opts=pulumi.ResourceOptions(parent=self, depends_on=[nodes]),
            )
        self._container_insights(nodes)
        for number, admin in enumerate(settings.cluster.admins):
            self._admit(f"{settings.name}-admin-{number}", admin)
        self.register_outputs({"name": self.cluster.name, "issuer": self.issuer})

    def _control_plane(
        self, network: Network, key_arn: pulumi.Input[str], logs: aws.cloudwatch.LogGroup
    ) -> aws.eks.Cluster:
        settings = self._settings
        role = self._role("control-plane", "eks.amazonaws.com", ("AmazonEKSClusterPolicy",))
        public = bool(settings.cluster.public_from)
        return aws.eks.Cluster(
            settings.name,
            name=settings.name,
            version=settings.cluster.version,
            role_arn=role.arn,
            vpc_config={
                "subnet_ids": network.private_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": public,
                "public_access_cidrs": list(settings.cluster.public_from) if public else None,
            },
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(LOGS),
            encryption_config={"provider": {"key_arn": key_arn}, "resources": ["secrets"]},
            upgrade_policy={"support_type": "STANDARD"},
            deletion_protection=not settings.removable,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs]),
        )

    def _nodes(self, network: Network) -> aws.eks.NodeGroup:
        settings = self._settings
        template = aws.ec2.LaunchTemplate(
            settings.name,
            # Without this a pod could take the node's role from the metadata service.
            metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
            block_device_mappings=[
                {"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_size": 50, "volume_type": "gp3"}}
            ],
            opts=self._child,
        )
        role = self._role("node", "ec2.amazonaws.com", NODE_POLICIES)
        return aws.eks.NodeGroup(
            settings.name,
            cluster_name=self.cluster.name,
            node_role_arn=role.arn,
            subnet_ids=network.private_ids,
            ami_type="AL2023_x86_64_STANDARD",
            instance_types=list(settings.cluster.instance_types),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={
                "min_size": settings.cluster.least_nodes,
                "desired_size": settings.cluster.wanted_nodes,
                "max_size": settings.cluster.most_nodes,
            },
            update_config={"max_unavailable": 1},
            node_repair_config={"enabled": True},
            # The autoscaler moves the size; a deployment must not move it back.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["scalingConfig.desiredSize"]),
        )

    def _container_insights(self, nodes: aws.eks.NodeGroup) -> None:
        """Container Insights with the Prometheus scrape that the chart's annotations ask for."""
        settings = self._settings
        role = aws.iam.Role(
            f"{settings.name}-insights",
            assume_role_policy=pulumi.Output.json_dumps(_pod_identity()),
            opts=self._child,
        )
        aws.iam.RolePolicyAttachment(
            f"{settings.name}-insights",
            role=role.name,
            policy_arn=f"{MANAGED}/CloudWatchAgentServerPolicy",
            opts=self._child,
        )
        aws.eks.Addon(
            f"{settings.name}-insights",
            cluster_name=self.cluster.name,
            addon_name="amazon-cloudwatch-observability",
            pod_identity_associations=[{"role_arn": role.arn, "service_account": "cloudwatch-agent"}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[nodes]),
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

    def _role(self, part: str, service: str, policies: tuple[str, ...]) -> aws.iam.Role:
        name = f"{self._settings.name}-{part}"
        role = aws.iam.Role(
            name, assume_role_policy=pulumi.Output.json_dumps(plain_service_trust(service)), opts=self._child
        )
        for policy in policies:
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"{MANAGED}/{policy}", opts=self._child
            )
        return role


def _pod_identity() -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
