# SPDX-License-Identifier: Apache-2.0
"""What containers really use: CPU over the last seconds and resident memory, from /proc, by container.

A container is measured from when it has started (its startup probe passed); what starting cost is not counted as load.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.cluster.kubelet.node import Node

Object = dict[str, Any]
_EVERY_SECONDS: Final = 1.0
_SAMPLES: Final = 6
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat after the name, of proc(5).
_SESSION, _USER, _SYSTEM, _RESIDENT = 3, 11, 12, 21


class Used(NamedTuple):
    """Of one session of processes: CPU seconds since its start, and bytes."""

    cpu: float
    memory: int


class Usage:
    """Of all containers of some nodes; a thread of its own looks until it is ended."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._samples: deque[tuple[float, Mapping[int, Used]]] = deque(maxlen=_SAMPLES)
        self._ended = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def of(self, pod: Object, container: str) -> Mapping[str, str] | None:
        """As metrics.k8s.io has it; None before there are two samples of a container that runs."""
        here = next((node.pods[uid] for node in self._nodes if (uid := pod["metadata"]["uid"]) in node.pods), None)
        runs = () if here is None else (*here.run.inits, *here.run.mains)
        process = next((each.process for each in runs if each.spec["name"] == container and each.started), None)
        samples = [(at, found[process.pid]) for at, found in self._samples if process and process.pid in found]
        if len(samples) < 2:
            return None
        (begun, first), (ended, last) = samples[0], samples[-1]
        cpu = 1000 * (last.cpu - first.cpu) / (ended - begun)
        return {"cpu": f"{cpu:.0f}m", "memory": f"{last.memory >> 10}Ki"}

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            started = {
                each.process.pid
                for node in self._nodes
                for pod in list(node.pods.values())
                for each in (*pod.run.inits, *pod.run.mains)
                if each.started and each.process is not None
            }
            self._samples.append((time.monotonic(), {pid: used for pid, used in sessions().items() if pid in started}))


def sessions() -> dict[int, Used]:
    """What every session of processes of this machine uses, by its leader's id."""
    found: dict[int, Used] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        before = found.get(int(fields[_SESSION]), Used(0.0, 0))
        cpu = (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS
        found[int(fields[_SESSION])] = Used(before.cpu + cpu, before.memory + int(fields[_RESIDENT]) * _PAGE)
    return found
