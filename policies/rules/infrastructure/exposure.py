# SPDX-License-Identifier: Apache-2.0
"""What anyone on the internet could reach."""

from collections.abc import Iterator
from typing import Any, Final

from policies.rules.infrastructure.graph import CLUSTER, get, wrong, yes
from policies.rules.judgement import Finding
from policies.targets.infra import Resource

ANYWHERE: Final = frozenset({"0.0.0.0/0", "::/0"})
HTTPS: Final = 443


def exposure(item: Resource) -> Iterator[Finding]:
    """Findings on one resource, whatever it is."""
    if item.type == CLUSTER:
        # EKS opens its API to every address unless it is told otherwise.
        public = get(item.inputs, "vpcConfig", "endpointPublicAccess")
        networks = get(item.inputs, "vpcConfig", "publicAccessCidrs") or list(ANYWHERE)
        if public is not False and ANYWHERE & set(networks):
            yield wrong(
                item, "opens its API to every address", "endpoint_public_access=False, or networks by name", public
            )
    if yes(item.inputs.get("publiclyAccessible")):
        yield wrong(item, "is reachable from the internet", "publicly_accessible=False", True)
    if item.type == "aws:ec2/securityGroup:SecurityGroup":
        for rule in item.inputs.get("ingress") or []:
            yield from _ingress(item, rule)
    if item.type == "aws:ec2/securityGroupRule:SecurityGroupRule" and item.inputs.get("type") == "ingress":
        yield from _ingress(item, item.inputs)
    if item.type == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
        networks = [item.inputs.get("cidrIpv4"), item.inputs.get("cidrIpv6")]
        yield from _ingress(item, {**item.inputs, "cidrBlocks": networks})


def _ingress(item: Resource, rule: Any) -> Iterator[Finding]:
    given = rule if isinstance(rule, dict) else {}
    networks = {*(given.get("cidrBlocks") or []), *(given.get("ipv6CidrBlocks") or [])}
    ports = (given.get("fromPort"), given.get("toPort"))
    if ANYWHERE & networks and ports != (HTTPS, HTTPS):
        wanted = "networks by name, or port 443 alone"
        yield wrong(item, "lets anyone in", wanted, f"ports {ports[0]} to {ports[1]} from anywhere")
