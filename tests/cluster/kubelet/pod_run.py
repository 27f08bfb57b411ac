# SPDX-License-Identifier: Apache-2.0
"""The life of one pod in the order that Kubernetes promises, whatever its containers are run on.

Init containers one after the other, each of them ended well before the next starts; one that is restarted always (a
sidecar) has only to have started, by its startup probe. Then the containers. On the way out the containers are stopped
first, all at once, and then the sidecars in reverse order, out of what is left of the same period of grace.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from tests.cluster.kubelet.container_run import ContainerRun, Machine

Object = dict[str, Any]
_LOOK_SECONDS: Final = 0.1
_LEAST_GRACE: Final = 1.0


class Preparing(Protocol):
    """Whether what the pod asks for (volumes) is there; called until it is."""

    def __call__(self) -> bool:
        """Try."""


class PodRun:
    """A pod. ``changed`` is called whenever its state may be another; ``over`` is set when nothing of it runs."""

    def __init__(self, spec: Object, machine: Machine, prepare: Preparing, changed: Callable[[], None]) -> None:
        self.grace: float = spec.get("terminationGracePeriodSeconds", 30)
        self.policy: str = spec.get("restartPolicy", "Always")
        self._prepare = prepare
        self.inits = [self._container(each, machine, changed, init=True) for each in spec.get("initContainers", ())]
        self.mains = [self._container(each, machine, changed, init=False) for each in spec["containers"]]
        self.initialized, self.phase = False, "Pending"
        self.over = threading.Event()
        self._stopping, self._changed = threading.Event(), changed

    @property
    def sidecars(self) -> list[ContainerRun]:
        """The init containers that stay."""
        return [each for each in self.inits if each.spec.get("restartPolicy") == "Always"]

    @property
    def ready(self) -> bool:
        """Whether every container that stays is."""
        return self.phase == "Running" and all(each.ready for each in (*self.sidecars, *self.mains))

    def begin(self) -> None:
        """Start it; returns at once."""
        threading.Thread(target=self._live, daemon=True).start()

    def stop(self, grace: float | None = None) -> None:
        """Have it end within so many seconds, by default those of its specification; returns at once.

        One that is ending already keeps the period that it was given first.
        """
        if grace is not None:
            self.grace = grace
        self._stopping.set()

    def _live(self) -> None:
        while not self._stopping.is_set() and not self._prepare():
            self._stopping.wait(1)
        if not self._stopping.is_set() and self._initialize():
            self.initialized = True
            for each in self.mains:
                each.begin()
            self.phase = "Running"
            self._changed()
            self._until(lambda: all(each.ended.is_set() for each in self.mains))
        self._wind_down(time.monotonic() + max(self.grace, _LEAST_GRACE))
        codes = [each.code for each in (*self.mains, *self._completing())]
        self.phase = "Succeeded" if all(code == 0 for code in codes) else "Failed"
        self.over.set()
        self._changed()

    def _initialize(self) -> bool:
        """One after the other; whether the containers may start."""
        for each in self.inits:
            each.begin()
            if each in self.sidecars:
                self._until(lambda each=each: each.started)  # type: ignore[misc]
            else:
                self._until(each.ended.is_set)
                if each.code != 0:
                    return False
            if self._stopping.is_set():
                return False
        return True

    def _completing(self) -> list[ContainerRun]:
        return [each for each in self.inits if each not in self.sidecars]

    def _until(self, holds: Callable[[], bool]) -> None:
        while not self._stopping.is_set() and not holds():
            self._stopping.wait(_LOOK_SECONDS)

    def _wind_down(self, deadline: float) -> None:
        first = [*self.mains, *self._completing()]
        threads = [threading.Thread(target=each.stop, args=(deadline,)) for each in first]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for sidecar in reversed(self.sidecars):
            sidecar.stop(deadline)

    def _container(self, spec: Object, machine: Machine, changed: Callable[[], None], init: bool) -> ContainerRun:
        policy = self.policy
        if init:
            policy = "Always" if spec.get("restartPolicy") == "Always" else policy.replace("Always", "OnFailure")
        return ContainerRun(spec, policy, self.grace, machine, changed)
