# SPDX-License-Identifier: Apache-2.0
"""The chart as real helms render it, object by object."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from contracts.yaml_document import read_yaml_stream
from tests.conformance.outside import TIMEOUT_SECONDS, outside
from tests.tree import ROOT

CHART: Final = ROOT / "charts" / "countersign"
HELMS: Final = ("helm3", "helm")
SCENARIOS: Final = tuple(sorted((CHART / "ci").glob("*-values.yaml")))
WITH_PODS: Final = tuple(file for file in SCENARIOS if not file.name.startswith("admission-policy"))
WHOLE: Final = CHART / "ci" / "whole-values.yaml"
NAMESPACE: Final = "ml-prod"

Object = dict[str, Any]


class Rendering(NamedTuple):
    """What ``helm template`` gave."""

    code: int
    out: str
    err: str

    def objects(self) -> list[Object]:
        """The objects, in the order of their kinds and names; rendering has to have worked."""
        assert self.code == 0, self.err
        # Read as the gate reads it: a key that stands twice is no YAML.
        found: list[Object] = [each.value for each in read_yaml_stream(self.out.encode(), "rendered") if each.value]
        return sorted(found, key=lambda item: (item["kind"], item["metadata"]["name"]))


def helm(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of the helms."""
    command = [str(outside(program)), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)


def template(
    *values: Path, program: str = "helm", release: str = "countersign", sets: tuple[str, ...] = ()
) -> Rendering:
    """Render with these values files, the later over the earlier, and these ``--set`` over all of them."""
    flags = [word for file in values for word in ("--values", str(file))]
    flags += [word for each in sets for word in ("--set-json", each)]
    ran = helm(program, "template", release, str(CHART), "--namespace", NAMESPACE, *flags)
    return Rendering(ran.returncode, ran.stdout, ran.stderr)


@cache
def _scenario(file: Path, program: str) -> str:
    rendering = template(file, program=program)
    assert rendering.code == 0, rendering.err
    return rendering.out


def scenario(file: Path, program: str = "helm") -> list[Object]:
    """The objects of a scenario, to be changed at will."""
    return Rendering(0, _scenario(file, program), "").objects()


def one(objects: list[Object], kind: str, name: str = "countersign") -> Object:
    """The object of that kind and name."""
    (found,) = (item for item in objects if item["kind"] == kind and item["metadata"]["name"] == name)
    return found


def of(objects: list[Object], kind: str) -> list[Object]:
    """All objects of a kind."""
    return [item for item in objects if item["kind"] == kind]


def pods(objects: list[Object]) -> dict[str, Object]:
    """The pod of each workload: its metadata and spec, by kind and name."""
    return {
        f"{item['kind']} {item['metadata']['name']}": item["spec"]["template"]
        for item in objects
        if item["kind"] in ("Deployment", "Job")
    }


def containers(pod: Object) -> list[Object]:
    """All containers of a pod, in the order in which they start."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def container(pod: Object, name: str) -> Object:
    """One container of a pod."""
    (found,) = (item for item in containers(pod) if item["name"] == name)
    return found
