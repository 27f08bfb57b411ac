# SPDX-License-Identifier: Apache-2.0
"""Whether Kubernetes can tell that a container started, answers and lives, and gives it the time to end."""

from collections.abc import Iterator
from typing import Any, Final

from policies.rules.judgement import Finding
from policies.rules.kubernetes.pods import Container, Pod

PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
WAYS: Final = frozenset({"exec", "grpc", "httpGet", "tcpSocket"})
DEFAULT_GRACE: Final = 30
MARGIN: Final = 5
"""Seconds that stay for the sidecar, which is only told to end when the others are gone."""


def probes(pod: Pod) -> Iterator[Finding]:
    """Findings on a pod that is meant to stay."""
    for container in pod.containers():
        for probe in PROBES if container.stays else ():
            yield from _probe(container, probe)
        if container.role == "init":
            yield from _never(container)
        yield from _grace(pod, container)


def _probe(container: Container, probe: str) -> Iterator[Finding]:
    given = container.mapping(probe)
    ways = [way for way in WAYS if isinstance(given.get(way), dict)]
    if len(ways) != 1:
        yield Finding(
            place=container.at(probe),
            message=f"container {container.name} has no {probe}" + (" that asks in one way" if given else ""),
            seen=", ".join(sorted(given)) or None,
            wanted=f"one of {', '.join(sorted(WAYS))}",
        )
        return
    port = given[ways[0]].get("port")
    if isinstance(port, str) and port not in named_ports(container):
        yield Finding(
            place=container.at(probe, ways[0], "port"),
            message=f"the {probe} of container {container.name} asks a port that the container does not name",
            seen=port,
            wanted=", ".join(sorted(named_ports(container))) or "a port with this name",
        )


def named_ports(container: Container) -> dict[str, int]:
    """The container's ports that have a name."""
    ports = container.owner.items(*container.path, "ports")
    return {str(port["name"]): index for index, port in enumerate(ports) if isinstance(port, dict) and "name" in port}


def _never(container: Container) -> Iterator[Finding]:
    for key in (*PROBES, "lifecycle"):
        if container.get(key) is not None:
            yield Finding(
                place=container.at(key),
                message=f"init container {container.name} ends by itself and cannot have a {key}",
                seen=key,
                wanted="restartPolicy: Always if it is a sidecar",
            )


def _grace(pod: Pod, container: Container) -> Iterator[Finding]:
    grace = pod.get("terminationGracePeriodSeconds")
    allowed = DEFAULT_GRACE if grace is None else grace
    pause: Any = container.get("lifecycle", "preStop", "sleep", "seconds") or 0
    if not isinstance(allowed, int) or not isinstance(pause, int) or pause + MARGIN > allowed:
        yield Finding(
            place=pod.at("terminationGracePeriodSeconds"),
            message=f"the pause before container {container.name} stops leaves it no time to end",
            seen=str(allowed),
            wanted=f"at least {pause} + {MARGIN} s, and the time it takes to drain",
        )
