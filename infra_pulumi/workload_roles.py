# SPDX-License-Identifier: Apache-2.0
"""The IRSA roles: one for each program, so that taking over one gives nothing of the others."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pulumi
import pulumi_aws as aws

from infra_pulumi.cluster import Cluster
from infra_pulumi.iam.trust import web_identity
from infra_pulumi.settings import Settings

AWS_AUDIENCE: Final = "sts.amazonaws.com"


class Workload(NamedTuple):
    """A program in the cluster: whose service account it runs under, and the audience of its token."""

    account: str
    audience: str
    namespace: str | None = None
    """None for the stack's own namespace."""


WORKLOADS: Final[Mapping[str, Workload]] = {
    "service": Workload("countersign", "countersign-service"),
    "sidecar": Workload("countersign", "countersign-sidecar"),
    "read-side": Workload("countersign-read-side", AWS_AUDIENCE),
    "eraser": Workload("countersign-eraser", AWS_AUDIENCE),
    "argocd": Workload("argocd-repo-server", AWS_AUDIENCE, "argocd"),
}


class WorkloadRoles(pulumi.ComponentResource):
    """A role for each of `WORKLOADS`, empty until `grant` gives it a policy."""

    def __init__(self, settings: Settings, cluster: Cluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("countersign:roles:WorkloadRoles", settings.name, {}, opts)
        self._prefix = settings.name
        self._roles = {
            name: self._role(name, workload, workload.namespace or settings.namespace, cluster)
            for name, workload in WORKLOADS.items()
        }
        self.register_outputs({name: role.arn for name, role in self._roles.items()})

    def arn(self, name: str) -> pulumi.Output[str]:
        """The ARN of a workload's role."""
        return self._roles[name].arn

    def grant(self, name: str, policy: pulumi.Output[Any]) -> None:
        """Give a role its one policy."""
        aws.iam.RolePolicy(
            f"{self._prefix}-{name}",
            role=self._roles[name].id,
            policy=pulumi.Output.json_dumps(policy),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role(self, name: str, workload: Workload, namespace: str, cluster: Cluster) -> aws.iam.Role:
        trust = pulumi.Output.all(cluster.provider.arn, cluster.issuer).apply(
            lambda known: web_identity(known[0], known[1], namespace, workload.account, workload.audience)
        )
        return aws.iam.Role(
            f"{self._prefix}-{name}",
            assume_role_policy=pulumi.Output.json_dumps(trust),
            max_session_duration=3600,
            opts=pulumi.ResourceOptions(parent=self),
        )
