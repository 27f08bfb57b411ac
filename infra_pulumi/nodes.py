# SPDX-License-Identifier: Apache-2.0
"""The machines of the cluster, and the add-ons that they run.

The order is half of it: a cluster made without AWS's own add-ons has no network for pods, and nodes that cannot reach
one never become ready, so that the group would fail. Network and proxy come before the nodes, what runs as pods after.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.trust import plain_service_trust
from infra_pulumi.managed_roles import managed_role
from infra_pulumi.network import Network
from infra_pulumi.settings import Settings

BEFORE: Final = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
AFTER: Final = ("coredns", "metrics-server")
CONFIGURATION: Final[Mapping[str, object]] = {
    # Without it the chart's network policies are objects that nobody enforces.
    "vpc-cni": {"enableNetworkPolicy": "true"},
}
POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")


class Nodes(pulumi.ComponentResource):
    """One managed group of AL2023 machines in private subnets, and the cluster's add-ons."""

    def __init__(
        self,
        settings: Settings,
        cluster: aws.eks.Cluster,
        network: Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("countersign:nodes:Nodes", settings.name, {}, opts)
        self._settings, self._cluster = settings, cluster
        self._child = pulumi.ResourceOptions(parent=self)
        before = [self._addon(addon, []) for addon in BEFORE]
        self.group = self._group(network, before)
        for addon in AFTER:
            self._addon(addon, [self.group])
        self.register_outputs({"group": self.group.arn})

    def _addon(self, name: str, after: Sequence[pulumi.Resource]) -> aws.eks.Addon:
        configuration = CONFIGURATION.get(name)
        return aws.eks.Addon(
            f"{self._settings.name}-{name}",
            cluster_name=self._cluster.name,
            addon_name=name,
            configuration_values=None if configuration is None else json.dumps(configuration),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="PRESERVE",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _group(self, network: Network, before: Sequence[pulumi.Resource]) -> aws.eks.NodeGroup:
        settings = self._settings
        template = self._template()
        role = managed_role(f"{settings.name}-node", plain_service_trust("ec2.amazonaws.com"), POLICIES, self._child)
        return aws.eks.NodeGroup(
            settings.name,
            cluster_name=self._cluster.name,
            node_role_arn=role.role.arn,
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
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*before, *role.attachments],
                ignore_changes=["scalingConfig.desiredSize"],
            ),
        )

    def _template(self) -> aws.ec2.LaunchTemplate:
        tags = {**self._settings.tags, "Name": self._settings.name}
        return aws.ec2.LaunchTemplate(
            self._settings.name,
            # Without this a pod could take the node's role from the metadata service.
            metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
            block_device_mappings=[
                {"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_size": 50, "volume_type": "gp3"}}
            ],
            # The provider tags what it makes itself; machines and their disks are made by the group.
            tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
            opts=self._child,
        )
