# SPDX-License-Identifier: Apache-2.0
"""What each container is given: requests for CPU and memory, and a memory limit that it can live under."""

from collections.abc import Iterator

from policies.rules.judgement import Finding
from policies.rules.kubernetes.pods import Container, Pod
from policies.rules.kubernetes.quantities import quantity


def resources(pod: Pod) -> Iterator[Finding]:
    """Findings on every container, sidecars included: one without a CPU request breaks the pod's autoscaling."""
    for container in pod.containers():
        for part, key in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            value = container.get("resources", part, key)
            if quantity(value) is None:
                missing = value is None
                yield Finding(
                    place=container.at("resources", part, key),
                    message=f"container {container.name} has {'no' if missing else 'an invalid'} {part}.{key}",
                    seen=None if missing else str(value),
                    wanted="a quantity such as 100m" if key == "cpu" else "a quantity such as 256Mi",
                )
        yield from _limits(container)


def _limits(container: Container) -> Iterator[Finding]:
    for key in ("cpu", "memory"):
        requested = quantity(container.get("resources", "requests", key))
        limit = quantity(container.get("resources", "limits", key))
        if requested is not None and limit is not None and limit < requested:
            yield Finding(
                place=container.at("resources", "limits", key),
                message=f"container {container.name} may use less {key} than it asks for",
                seen=str(container.get("resources", "limits", key)),
                wanted=f"at least {container.get('resources', 'requests', key)}",
            )
