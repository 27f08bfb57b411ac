# SPDX-License-Identifier: Apache-2.0
"""From the engine's stack to rendered objects: nothing is typed by hand but what a release brings."""

import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.errors import SettingInvalid
from infra_pulumi.chart_values import PROMOTED, chart_values, read_outputs
from tests.charts.faults import VERSIONS, by_schema, faults
from tests.charts.rendering import CHART, HELMS, WHOLE, template
from tests.conformance.outside import outside
from tests.infra_pulumi.conftest import Cloud
from tests.infra_pulumi.engine.engine import STACKS
from tests.tree import ROOT

ARN = re.compile(r"arn:aws[a-z-]*:[^\s\"']+")
VERDICT = "the envelope that attest writes stands here"


def promotion(folder: Path) -> Path:
    """What a release knows, and nothing else."""
    whole = yaml.safe_load(WHOLE.read_text())
    images = {image: {"digest": given["digest"]} for image, given in whole["images"].items()}
    verdict = f"sha256:{sha256(VERDICT.encode()).hexdigest()}"
    gate = {"verdictText": VERDICT, "manifests": "0" * 64}
    given = {"release": {**whole["release"], "verdict": verdict}, "images": images, "gate": gate}
    assert set(leaves(given)) == set(PROMOTED)
    file = folder / "release.yaml"
    file.write_text(yaml.safe_dump(given))
    return file


def leaves(tree: Any, path: str = "") -> list[str]:
    """The dotted name of every value."""
    if not isinstance(tree, dict):
        return [path]
    return [name for key, item in tree.items() for name in leaves(item, f"{path}.{key}" if path else key)]


def ask(cloud: Cloud, stack: str) -> subprocess.CompletedProcess[str]:
    """`make values-from-stack` as the Makefile runs it, over the engine's state."""
    program = outside("pulumi")
    return subprocess.run(
        [sys.executable, "-m", "scripts.values_from_stack", stack, str(cloud.engine.folder)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**cloud.engine.environment(), "PATH": f"{program.parent}{os.pathsep}{os.defpath}"},
        timeout=60,
    )


@pytest.mark.parametrize("stack", STACKS)
def test_the_chart_renders_from_a_stack_and_a_release(cloud: Cloud, stack: str, tmp_path: Path) -> None:
    """Under both helms, into valid objects, and every ARN in them is one that the stack has."""
    ran = ask(cloud, stack)
    assert ran.returncode == 0, ran.stderr
    written = tmp_path / "stack.yaml"
    written.write_text(ran.stdout)
    files = (CHART / f"values-{stack}.yaml", written, promotion(tmp_path))
    renderings = [template(*files, program=program) for program in HELMS]
    objects = renderings[0].objects()
    assert objects == renderings[1].objects()
    assert [fault for item in objects for fault in by_schema(item, VERSIONS[-1])] == []
    assert faults(objects) == []
    known = set(ARN.findall(json.dumps(cloud.engine.outputs(stack))))
    rendered = set(ARN.findall(json.dumps(objects)))
    roles = cloud.engine.outputs(stack)["roles"]
    assert {roles["service"], roles["sidecar"]} <= rendered <= known
    text = json.dumps(objects)
    assert cloud.engine.outputs(stack)["archive"] in text
    assert "example" not in text.replace(VERDICT, "")


def test_a_stack_with_a_database_keeps_the_log_there(cloud: Cloud) -> None:
    """Each login has a Secret of its own; no password is in a value."""
    prod = chart_values(read_outputs(json.dumps(cloud.engine.outputs("prod"))))
    host = cloud.engine.outputs("prod")["database"]["host"]
    assert prod["store"]["mode"] == "postgresql"
    logins = [prod["store"]["postgresql"], prod["readSide"]["postgresql"], prod["migration"]["postgresql"]]
    assert len({login["url"] for login in logins}) == len({login["passwordSecret"]["name"] for login in logins}) == 3
    assert all(login["url"].endswith(":5432/countersign?sslmode=verify-full") for login in logins)
    assert f"@{host}:" in logins[0]["url"]
    dev = chart_values(read_outputs(json.dumps(cloud.engine.outputs("dev"))))
    assert dev["store"] == {"mode": "dynamodb", "dynamodb": {"url": cloud.engine.outputs("dev")["store"]}}


def test_values_open_the_network_to_what_is_needed_and_nothing_wider(cloud: Cloud) -> None:
    """Subnets, prefix lists and one address; never everything."""
    policy = chart_values(read_outputs(json.dumps(cloud.engine.outputs("prod"))))["networkPolicy"]
    inside = cloud.engine.outputs("prod")["network"]["private"]
    assert policy["store"] == {"cidrs": inside, "port": 5432}
    assert policy["aws"]["cidrs"] == [*inside, *cloud.engine.outputs("prod")["network"]["gateways"]]
    assert policy["apiServer"]["cidrs"] == [*inside, "172.20.0.1/32"]
    assert "0.0.0.0/0" not in json.dumps(policy)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"region": 1}'])
def test_outputs_that_are_none_are_refused(text: str) -> None:
    """What is missing is named, and how to get it."""
    with pytest.raises(SettingInvalid, match=r"the stack's outputs: .*pulumi up"):
        read_outputs(text)


def test_an_output_that_is_lost_or_has_another_name_is_refused(cloud: Cloud) -> None:
    """Not one is done without: a database under another name would otherwise leave the log to empty tables."""
    whole = cloud.engine.outputs("prod")
    read_outputs(json.dumps(whole))
    for name in whole:
        moved = {("other" if key == name else key): value for key, value in whole.items()}
        with pytest.raises(SettingInvalid, match=f"`(other|{name})`"):
            read_outputs(json.dumps(moved))


def test_a_stack_that_is_not_there_is_one_line(cloud: Cloud) -> None:
    """Pulumi's own reason is handed on."""
    ran = ask(cloud, "other")
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    assert "no stack named 'other' found" in ran.stderr
