# SPDX-License-Identifier: Apache-2.0
"""The program in the real engine: what each stack makes, that it stays made, and what a change of settings does."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.infra_pulumi.conftest import Cloud
from tests.infra_pulumi.engine.engine import ACCOUNT, PROGRAM, STACKS, Json

EACH = pytest.mark.parametrize("stack", STACKS)


def steps(preview: Json) -> list[tuple[str, str, list[str]]]:
    """What a preview would do, but for what stays the same: operation, resource, inputs that differ."""
    return [
        (step["op"], short(step["urn"]), step.get("diffReasons") or [])
        for step in preview["steps"]
        if step["op"] != "same"
    ]


def short(urn: str) -> str:
    """Type and name of a resource."""
    kind, name = urn.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2], urn.rpartition("::")[2]
    return f"{kind} {name}"


def of(resources: Iterable[Json], kind: str) -> list[Json]:
    """The inputs of every resource of a type."""
    return [item["inputs"] for item in resources if item["type"] == kind]


@EACH
def test_a_stack_is_previewed_made_and_then_stays_as_it_is(cloud: Cloud, stack: str) -> None:
    """The first preview only creates, the update makes just that, and the second preview finds nothing to do."""
    life = cloud.lives[stack]
    created = life.planned.json()["changeSummary"]
    assert list(created) == ["create"]
    assert life.made.code == 0, life.made.said
    assert f"+ {created['create']} created" in life.made.out
    assert life.again.json()["changeSummary"] == {"same": created["create"]}


@EACH
def test_every_resource_is_made_by_the_program_s_own_provider(cloud: Cloud, stack: str) -> None:
    """A resource under the default provider would go wherever the machine's profile points, untagged."""
    resources = cloud.engine.resources(stack)
    providers = {item["provider"].rpartition("::")[0] for item in resources if "provider" in item}
    assert providers == {f"urn:pulumi:{stack}::countersign::pulumi:providers:aws::countersign-{stack}"}
    (provider,) = of(resources, "pulumi:providers:aws")
    assert provider["allowedAccountIds"] == f'["{ACCOUNT}"]'


@EACH
def test_a_stack_has_what_the_readme_says(cloud: Cloud, stack: str) -> None:
    """The README's counts are the engine's."""
    counted = Counter(
        item["type"].split(":")[1].partition("/")[0] for item in cloud.engine.resources(stack) if item["custom"]
    )
    readme = (PROGRAM / "README.md").read_text()
    heading = next(line for line in readme.splitlines() if line.startswith("| service of AWS |"))
    column = [word.strip() for word in heading.strip("|").split("|")].index(stack)
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", readme, re.MULTILINE)
    said = {name: int(cells.split("|")[column - 1]) for name, cells in rows}
    assert {name: number for name, number in said.items() if number} == {
        name: number for name, number in counted.items() if name not in ("pulumi", "providers")
    }


@EACH
def test_nodes_come_after_what_makes_them_ready(cloud: Cloud, stack: str) -> None:
    """Without a network for pods no node is ready, and without its rights none joins; metrics and names come after."""
    resources = {short(item["urn"]): item for item in cloud.engine.resources(stack)}
    name = f"countersign-{stack}"
    group = resources[f"aws:eks/nodeGroup:NodeGroup {name}"]
    before = {short(urn) for urn in group["dependencies"]}
    assert {f"aws:eks/addon:Addon {name}-{addon}" for addon in ("vpc-cni", "kube-proxy")} < before
    assert f"aws:iam/rolePolicyAttachment:RolePolicyAttachment {name}-node-AmazonEKSWorkerNodePolicy" in before
    cluster = resources[f"aws:eks/cluster:Cluster {name}"]
    needed = f"aws:iam/rolePolicyAttachment:RolePolicyAttachment {name}-control-plane-AmazonEKSClusterPolicy"
    assert needed in {short(urn) for urn in cluster["dependencies"]}
    for addon in ("coredns", "metrics-server", "insights"):
        later = resources[f"aws:eks/addon:Addon {name}-{addon}"]
        assert group["urn"] in later["dependencies"], addon


@EACH
def test_every_log_group_ends_and_is_encrypted(cloud: Cloud, stack: str) -> None:
    """Control plane, flow log, Container Insights, and a database's own: none is left for AWS to make."""
    groups = of(cloud.engine.resources(stack), "aws:cloudwatch/logGroup:LogGroup")
    assert all(group["retentionInDays"] > 0 and group["kmsKeyId"] for group in groups)
    names = {group["name"] for group in groups}
    name = f"countersign-{stack}"
    wanted = {f"/aws/eks/{name}/cluster", f"/countersign/{name}/flow", f"/aws/containerinsights/{name}/prometheus"}
    assert wanted < names
    (insights,) = [
        json.loads(addon["configurationValues"])
        for addon in of(cloud.engine.resources(stack), "aws:eks/addon:Addon")
        if addon["addonName"] == "amazon-cloudwatch-observability"
    ]
    (scraper,) = [agent for agent in insights["agents"] if "prometheus" in agent]
    assert scraper["config"]["logs"]["metrics_collected"]["prometheus"]["log_group_name"] in names
    assert (f"/aws/rds/cluster/{name}-log/postgresql" in names) is (stack == "prod")


@EACH
def test_the_network_spans_three_zones_and_reaches_aws_through_endpoints(cloud: Cloud, stack: str) -> None:
    """Six subnets, a private API of the cluster, and endpoints for what evidence goes to."""
    resources = cloud.engine.resources(stack)
    zones = Counter(subnet["availabilityZone"] for subnet in of(resources, "aws:ec2/subnet:Subnet"))
    assert zones == {"eu-west-1a": 2, "eu-west-1b": 2, "eu-west-1c": 2}
    endpoints = {
        item["serviceName"].partition("eu-west-1.")[2] for item in of(resources, "aws:ec2/vpcEndpoint:VpcEndpoint")
    }
    assert endpoints == {"s3", "dynamodb", "ecr.api", "ecr.dkr", "sts", "kms", "logs"}
    (cluster,) = of(resources, "aws:eks/cluster:Cluster")
    assert cluster["vpcConfig"]["endpointPublicAccess"] is False
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    gateways = [item for item in resources if item["type"] == "aws:ec2/natGateway:NatGateway"]
    assert len(gateways) == (3 if stack == "prod" else 1)
    way_out = f"aws:ec2/internetGateway:InternetGateway countersign-{stack}"
    assert all(way_out in {short(urn) for urn in item["dependencies"]} for item in gateways)


@EACH
def test_each_workload_is_trusted_with_one_subject_and_one_audience(cloud: Cloud, stack: str) -> None:
    """The trust policies name the issuer that the engine's cluster has, not one that was made up beside it."""
    resources = cloud.engine.resources(stack)
    (cluster,) = [item for item in resources if item["type"] == "aws:eks/cluster:Cluster"]
    issuer = cluster["outputs"]["identities"][0]["oidcs"][0]["issuer"].removeprefix("https://")
    accounts = {"service": "countersign", "sidecar": "countersign", "read-side": "countersign-read-side"}
    subjects = {name: f"countersign:{account}" for name, account in accounts.items()}
    subjects |= {"eraser": "countersign:countersign-eraser", "argocd": "argocd:argocd-repo-server"}
    audiences = cloud.engine.outputs(stack)["audiences"]
    assert subjects.keys() == audiences.keys()
    assert audiences["service"] != audiences["sidecar"]
    for name, subject in subjects.items():
        (role,) = [item for item in resources if short(item["urn"]) == f"aws:iam/role:Role countersign-{stack}-{name}"]
        (statement,) = json.loads(role["inputs"]["assumeRolePolicy"])["Statement"]
        pinned = {f"{issuer}:sub": f"system:serviceaccount:{subject}", f"{issuer}:aud": audiences[name]}
        assert statement["Condition"] == {"StringEquals": pinned}


def test_a_changed_setting_changes_what_follows_from_it_and_nothing_else(cloud: Cloud) -> None:
    """Other days for flow logs update one log group; an endpoint of a model adds rights, and a way to it."""
    with cloud.engine.changed("prod", "flow_log_days: 365", "flow_log_days: 731"):
        assert steps(cloud.engine.preview("prod").json()) == [
            ("update", "aws:cloudwatch/logGroup:LogGroup countersign-prod-flow-log", ["retentionInDays"])
        ]
    with cloud.engine.changed(
        "prod", "    database:\n", "    inference: {sagemaker_endpoints: [churn]}\n    database:\n"
    ):
        assert sorted(steps(cloud.engine.preview("prod").json())) == [
            ("create", "aws:ec2/vpcEndpoint:VpcEndpoint countersign-prod-sagemaker-runtime", []),
            ("create", "aws:iam/rolePolicy:RolePolicy countersign-prod-service", []),
        ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("flow_log_days", "flow_log_day", "Object contains unknown field `flow_log_day` - at `$.network`"),
        ("region: eu-west-1", "region: us-east-1", "region 'us-east-1' is not one of eu-west-1"),
        (f'account: "{ACCOUNT}"', "account: production", "'production' is no AWS account number"),
        (f'account: "{ACCOUNT}"', 'account: "999988887777"', "is not of the stack's account 999988887777"),
        (ACCOUNT, "999988887777", f"AWS account ID not allowed: {ACCOUNT}"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_made(cloud: Cloud, old: str, new: str, said: str) -> None:
    """A misspelt setting, a region off the list, and an account that the credentials are not for: one clear line."""
    with cloud.engine.changed("staging", old, new, times=3 if old == ACCOUNT else 1):
        ran = cloud.engine.pulumi("preview", stack="staging", serve=True)
    assert ran.code != 0
    (line, *_) = [line for line in ran.said.splitlines() if line.strip().startswith("error:") and said in line]
    if "AWS account ID" not in said:
        assert "Traceback" not in ran.said, line


def test_a_misspelt_property_is_refused_by_the_schema(cloud: Cloud) -> None:
    """The SDK takes any key of a dictionary, and mocks do too; the provider's schema does not."""
    main = cloud.engine.folder / "__main__.py"
    before = main.read_text()
    main.write_text(
        "import pulumi_aws as aws\n"
        "aws.s3.BucketVersioning('b', bucket='b', versioning_configuration={'statuss': 'Enabled'},"
        " opts=__import__('pulumi').ResourceOptions(provider=aws.Provider('p', region='eu-west-1')))\n"
    )
    try:
        ran: Any = cloud.engine.pulumi("preview", stack="dev", serve=True)
    finally:
        main.write_text(before)
    assert ran.code != 0
    assert "property versioningConfiguration.statuss" in ran.said
    assert "property versioningConfiguration.status value" in ran.said
