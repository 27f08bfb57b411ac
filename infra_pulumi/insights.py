# SPDX-License-Identifier: Apache-2.0
"""CloudWatch Container Insights, with a scrape of the product's own metrics in the format of Prometheus.

One agent on each node measures the machine; one more, alone, asks the pods of the chart for their metrics. It gets in
where the chart's `networkPolicy.scrapers` says so. Every log group is made here, for one that the agent makes itself
would keep everything for ever, and without our key.
"""

import json
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.document import Document
from infra_pulumi.managed_roles import managed_role
from infra_pulumi.settings import Settings

GROUPS: Final = ("application", "dataplane", "host", "performance", "prometheus")
AGENT: Final = "cloudwatch-agent"
TRUST: Final[Document] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}


class ContainerInsights(pulumi.ComponentResource):
    """The add-on, its role through EKS Pod Identity, and its log groups."""

    def __init__(
        self,
        settings: Settings,
        nodes: aws.eks.NodeGroup,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("countersign:insights:ContainerInsights", settings.name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        groups = [
            aws.cloudwatch.LogGroup(
                f"{settings.name}-insights-{group}",
                name=f"/aws/containerinsights/{settings.name}/{group}",
                retention_in_days=settings.cluster.log_days,
                kms_key_id=key_arn,
                opts=child,
            )
            for group in GROUPS
        ]
        role = managed_role(f"{settings.name}-insights", TRUST, ("CloudWatchAgentServerPolicy",), child)
        aws.eks.Addon(
            f"{settings.name}-insights",
            cluster_name=nodes.cluster_name,
            addon_name="amazon-cloudwatch-observability",
            configuration_values=json.dumps(configuration(settings.name)),
            pod_identity_associations=[{"role_arn": role.role.arn, "service_account": AGENT}],
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="PRESERVE",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[nodes, *groups, *role.attachments]),
        )
        self.register_outputs({})


def configuration(cluster: str) -> dict[str, Any]:
    """The add-on's values, named as in its chart (aws-observability/helm-charts): an agent a node, and one scraper."""
    scraping = {
        "cluster_name": cluster,
        "log_group_name": f"/aws/containerinsights/{cluster}/prometheus",
        "prometheus_config_path": "/etc/prometheusconfig/prometheus.yaml",
        "emf_processor": {
            "metric_namespace": "ContainerInsights/Prometheus",
            "metric_declaration": [
                {
                    "source_labels": ["job"],
                    "label_matcher": "^countersign$",
                    "dimensions": [["ClusterName", "namespace", "component"]],
                    "metric_selectors": ["^countersign_"],
                }
            ],
        },
    }
    scraper = {
        "name": f"{AGENT}-prometheus",
        "mode": "deployment",
        "replicas": 1,
        "config": {"logs": {"metrics_collected": {"prometheus": scraping}}},
        "prometheus": {"config": {"scrape_configs": [_pods()]}},
    }
    return {"agents": [{"name": AGENT}, scraper]}


def _pods() -> dict[str, Any]:
    """Pods of the chart, at their ports `metrics` and `audit`."""

    def keep(label: str, pattern: str) -> dict[str, Any]:
        return {"source_labels": [label], "regex": pattern, "action": "keep"}

    def take(label: str, name: str) -> dict[str, Any]:
        return {"source_labels": [label], "target_label": name}

    pod = "__meta_kubernetes_pod"
    return {
        "job_name": "countersign",
        "scrape_interval": "60s",
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [
            keep(f"{pod}_label_app_kubernetes_io_name", "countersign"),
            keep(f"{pod}_container_port_name", "metrics|audit"),
            take("__meta_kubernetes_namespace", "namespace"),
            take(f"{pod}_label_app_kubernetes_io_component", "component"),
        ],
    }
