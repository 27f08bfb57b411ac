# SPDX-License-Identifier: Apache-2.0
"""The network: three zones, private subnets for everything that runs, public ones for load balancers and NAT alone.

AWS's own services are reached through endpoints, so that evidence never crosses the internet; flow logs are kept.
"""

import ipaddress
from typing import Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.document import allow, document
from infra_pulumi.iam.trust import service_trust
from infra_pulumi.settings import Settings

ZONES: Final = 3
GATEWAY_ENDPOINTS: Final = ("s3", "dynamodb")
INTERFACE_ENDPOINTS: Final = ("ecr.api", "ecr.dkr", "sts", "kms", "logs")
INFERENCE_ENDPOINTS: Final = {"sagemaker_endpoints": "sagemaker.runtime", "guardrails": "bedrock-runtime"}
"""Endpoints that a stack has only if its models call these services."""


class Network(pulumi.ComponentResource):
    """A VPC with ``private`` and ``public`` subnets, one of each in every zone."""

    def __init__(
        self,
        settings: Settings,
        account_id: str,
        logs_key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("countersign:network:Network", settings.name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        name, self._cidr = settings.name, settings.network.cidr
        self.vpc = aws.ec2.Vpc(
            name,
            cidr_block=settings.network.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=child,
        )
        # An empty default group: what is not given a group of its own can reach nothing.
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=self.vpc.id, ingress=[], egress=[], opts=child)
        zones = aws.get_availability_zones_output(
            state="available",
            # Local zones have neither NAT gateways nor every endpoint.
            filters=[{"name": "zone-type", "values": ["availability-zone"]}],
            opts=pulumi.InvokeOptions(parent=self),
        ).names
        blocks = _blocks(settings.network.cidr)
        self.public = [
            self._subnet(f"{name}-public-{zone}", blocks[zone], zones[zone], "elb", child) for zone in range(ZONES)
        ]
        self.private = [
            self._subnet(f"{name}-private-{zone}", blocks[ZONES + zone], zones[zone], "internal-elb", child)
            for zone in range(ZONES)
        ]
        self._route(settings, child)
        self._endpoints(settings, child)
        self._flow_log(settings, account_id, logs_key, child)
        self.register_outputs({"vpc_id": self.vpc.id})

    @property
    def private_ids(self) -> list[pulumi.Output[str]]:
        """Ids of the private subnets."""
        return [subnet.id for subnet in self.private]

    @property
    def private_cidrs(self) -> list[str]:
        """Addresses of the private subnets: nodes, pods, interface endpoints and databases."""
        return _blocks(self._cidr)[ZONES : 2 * ZONES]

    @property
    def gateway_cidrs(self) -> pulumi.Output[list[str]]:
        """Addresses of the services behind the gateway endpoints, in this region."""
        found = pulumi.Output.all(*(endpoint.cidr_blocks for endpoint in self._gateways))
        return found.apply(lambda lists: sorted({cidr for each in lists for cidr in each or ()}))

    def reachable_from_inside(
        self, name: str, port: int, what: str, child: pulumi.ResourceOptions
    ) -> aws.ec2.SecurityGroup:
        """A security group that lets the network in on one TCP port, and nothing out."""
        return aws.ec2.SecurityGroup(
            name,
            vpc_id=self.vpc.id,
            description=what,
            ingress=[
                {
                    "protocol": "tcp",
                    "from_port": port,
                    "to_port": port,
                    "cidr_blocks": [self._cidr],
                    "description": what,
                }
            ],
            egress=[],
            opts=child,
        )

    def _subnet(
        self, name: str, block: str, zone: pulumi.Input[str], role: str, child: pulumi.ResourceOptions
    ) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            name,
            vpc_id=self.vpc.id,
            cidr_block=block,
            availability_zone=zone,
            map_public_ip_on_launch=False,
            tags={"Name": name, f"kubernetes.io/role/{role}": "1"},
            opts=child,
        )

    def _route(self, settings: Settings, child: pulumi.ResourceOptions) -> None:
        name = settings.name
        gateway = aws.ec2.InternetGateway(name, vpc_id=self.vpc.id, tags={"Name": name}, opts=child)
        outside = aws.ec2.RouteTable(
            f"{name}-public",
            vpc_id=self.vpc.id,
            routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id}],
            opts=child,
        )
        for zone, subnet in enumerate(self.public):
            aws.ec2.RouteTableAssociation(
                f"{name}-public-{zone}", subnet_id=subnet.id, route_table_id=outside.id, opts=child
            )
        # AWS refuses a NAT gateway in a network that has no way out yet.
        after = pulumi.ResourceOptions(parent=self, depends_on=[gateway])
        gateways = [self._nat(f"{name}-{zone}", self.public[zone], after) for zone in range(self._nats(settings))]
        self.private_tables: list[aws.ec2.RouteTable] = []
        for zone, subnet in enumerate(self.private):
            table = aws.ec2.RouteTable(
                f"{name}-private-{zone}",
                vpc_id=self.vpc.id,
                routes=[{"cidr_block": "0.0.0.0/0", "nat_gateway_id": gateways[zone % len(gateways)].id}],
                opts=child,
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-private-{zone}", subnet_id=subnet.id, route_table_id=table.id, opts=child
            )
            self.private_tables.append(table)

    @staticmethod
    def _nats(settings: Settings) -> int:
        return ZONES if settings.network.nat_per_zone else 1

    def _nat(self, name: str, subnet: aws.ec2.Subnet, after: pulumi.ResourceOptions) -> aws.ec2.NatGateway:
        address = aws.ec2.Eip(f"{name}-nat", domain="vpc", opts=after)
        return aws.ec2.NatGateway(name, allocation_id=address.id, subnet_id=subnet.id, opts=after)

    def _endpoints(self, settings: Settings, child: pulumi.ResourceOptions) -> None:
        name, region = settings.name, settings.region
        self._gateways = [
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in self.private_tables],
                opts=child,
            )
            for service in GATEWAY_ENDPOINTS
        ]
        door = self.reachable_from_inside(f"{name}-endpoints", 443, "HTTPS from inside the network", child)
        called = [service for kind, service in INFERENCE_ENDPOINTS.items() if getattr(settings.inference, kind)]
        for service in (*INTERFACE_ENDPOINTS, *called):
            aws.ec2.VpcEndpoint(
                f"{name}-{service.replace('.', '-')}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=self.private_ids,
                security_group_ids=[door.id],
                private_dns_enabled=True,
                opts=child,
            )

    def _flow_log(
        self, settings: Settings, account_id: str, logs_key: pulumi.Input[str], child: pulumi.ResourceOptions
    ) -> None:
        name = f"{settings.name}-flow-log"
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/countersign/{settings.name}/flow",
            retention_in_days=settings.network.flow_log_days,
            kms_key_id=logs_key,
            opts=child,
        )
        role = aws.iam.Role(
            name,
            assume_role_policy=pulumi.Output.json_dumps(service_trust("vpc-flow-logs.amazonaws.com", account_id)),
            opts=child,
        )
        writing = group.arn.apply(
            lambda arn: document(
                allow(
                    "WriteFlowLogs",
                    ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
                    (f"{arn}:*",),
                )
            )
        )
        aws.iam.RolePolicy(name, role=role.id, policy=pulumi.Output.json_dumps(writing), opts=child)
        aws.ec2.FlowLog(
            name,
            vpc_id=self.vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            opts=child,
        )


def _blocks(cidr: str) -> list[str]:
    """Eight equal parts of the network, of which the first six are used."""
    return [str(block) for block in ipaddress.ip_network(cidr).subnets(prefixlen_diff=3)]
