# SPDX-License-Identifier: Apache-2.0
"""The whole of one stack, in the order in which its parts need each other."""

import ipaddress
from typing import Any

import pulumi
import pulumi_aws as aws

from infra_pulumi.archive import Archive
from infra_pulumi.cluster import Cluster
from infra_pulumi.database import NAME, OWNER, PORT, Database
from infra_pulumi.iam import evidence, inference
from infra_pulumi.images import Images
from infra_pulumi.insights import ContainerInsights
from infra_pulumi.keys import EncryptionKey, SigningKey
from infra_pulumi.network import Network
from infra_pulumi.nodes import Nodes
from infra_pulumi.settings import Settings
from infra_pulumi.tables import EvidenceTables
from infra_pulumi.workload_roles import WORKLOADS, WorkloadRoles


def build(settings: Settings, account_id: str) -> dict[str, Any]:
    """Register every resource of the stack; what the chart needs to know of it, by output name."""
    provider = aws.Provider(
        settings.name,
        region=settings.region,
        # A mistaken profile must not build this in somebody else's account.
        allowed_account_ids=[account_id],
        default_tags={"tags": settings.tags},
    )
    opts = pulumi.ResourceOptions(provider=provider)
    # Everything inside a part inherits this. A policy or a lock that guards evidence must not go before it either, and
    # `pulumi destroy --skip-preview` takes whatever is not protected.
    kept = pulumi.ResourceOptions(
        provider=provider, protect=not settings.removable, retain_on_delete=not settings.removable
    )
    key = EncryptionKey(settings, account_id, kept)
    key_arn = key.key.arn
    network = Network(settings, account_id, key_arn, opts)
    cluster = Cluster(settings, network, key_arn, opts)
    nodes = Nodes(settings, cluster.cluster, network, opts)
    ContainerInsights(settings, nodes.group, key_arn, opts)
    roles = WorkloadRoles(settings, cluster, opts)
    signing = SigningKey(settings, account_id, roles.arn("sidecar"), kept)
    tables = EvidenceTables(settings, key_arn, kept)
    archive = Archive(settings, key_arn, kept)
    images = Images(settings, key_arn, opts)
    _grant(settings, account_id, roles, tables, archive, signing.key.arn, key_arn, images)
    tables.guard(eraser=roles.arn("eraser"), sidecar=roles.arn("sidecar"))
    outputs: dict[str, Any] = {
        "region": settings.region,
        "clusterName": cluster.cluster.name,
        "namespace": settings.namespace,
        "store": f"dynamodb://{settings.name}?region={settings.region}",
        "archive": pulumi.Output.concat(
            "s3://", archive.bucket.id, f"/log?region={settings.region}&days={settings.evidence.archive_days}"
        ),
        "logKey": signing.key.arn,
        "roles": {name: roles.arn(name) for name in WORKLOADS},
        "audiences": {name: workload.audience for name, workload in WORKLOADS.items()},
        "network": {
            "private": network.private_cidrs,
            "gateways": network.gateway_cidrs,
            "api": f"{ipaddress.IPv4Network(settings.cluster.services)[1]}/32",
        },
        "repositories": {name: repository.repository_url for name, repository in images.repositories.items()},
    }
    if settings.database is not None:
        database = Database(settings, settings.database, network, key_arn, kept)
        outputs["database"] = {
            "host": database.cluster.endpoint,
            "readerHost": database.cluster.reader_endpoint,
            "port": PORT,
            "name": NAME,
            "owner": OWNER,
            "secret": database.cluster.master_user_secrets[0].secret_arn,
        }
    return outputs


def _grant(  # noqa: PLR0913 - each argument is one resource that a policy names
    settings: Settings,
    account_id: str,
    roles: WorkloadRoles,
    tables: EvidenceTables,
    archive: Archive,
    signing_key: pulumi.Output[str],
    encryption_key: pulumi.Output[str],
    images: Images,
) -> None:
    arns = pulumi.Output.all(
        tables.log.arn, tables.payload.arn, tables.state.arn, archive.bucket.arn, signing_key, encryption_key
    ).apply(lambda known: evidence.EvidenceArns(*known))
    roles.grant("sidecar", arns.apply(evidence.sidecar))
    roles.grant("read-side", arns.apply(evidence.read_side))
    roles.grant("eraser", arns.apply(evidence.eraser))
    endpoints = [
        f"arn:aws:sagemaker:{settings.region}:{account_id}:endpoint/{name}"
        for name in settings.inference.sagemaker_endpoints
    ]
    policy = inference.service(endpoints, settings.inference.guardrails)
    if policy is not None:
        roles.grant("service", pulumi.Output.from_input(policy))
    repositories = pulumi.Output.all(*(repository.arn for repository in images.repositories.values()))
    roles.grant("argocd", repositories.apply(lambda known: inference.image_reader(known)))
