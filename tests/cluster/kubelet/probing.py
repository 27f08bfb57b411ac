# SPDX-License-Identifier: Apache-2.0
"""Probes as a kubelet asks them: when one is due, what counts as an answer, and when enough of them have turned it."""

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Object = dict[str, Any]
Exec = Callable[[list[str], float], bool]
# A kubelet verifies no certificate either: it asks its own node.
_ANY_CERTIFICATE: Final = ssl._create_unverified_context()


class Probe(NamedTuple):
    """A probe of a container; times in seconds, defaults as Kubernetes has them."""

    action: Object
    delay: float
    period: float
    timeout: float
    failures: int
    successes: int


def read_probe(spec: Object | None) -> Probe | None:
    """A probe of a container's specification; None when it has none."""
    if spec is None:
        return None
    return Probe(
        spec, spec.get("initialDelaySeconds", 0), spec.get("periodSeconds", 10), spec.get("timeoutSeconds", 1),
        spec.get("failureThreshold", 3), spec.get("successThreshold", 1),
    )  # fmt: skip


class Tally:
    """Outcomes of one probe of one running container; ``passing`` turns after as many in a row as the probe asks."""

    def __init__(self, probe: Probe, passing: bool, now: float) -> None:
        self.probe, self.passing = probe, passing
        self.failed = False
        """Whether the failures in a row have reached their threshold."""
        self._next = now + probe.delay
        self._row = 0

    def due(self, now: float) -> bool:
        """Whether it is to be asked."""
        return now >= self._next

    def note(self, answered: bool, now: float) -> None:
        """What it said."""
        self._next = now + self.probe.period
        self._row = max(self._row, 0) + 1 if answered else min(self._row, 0) - 1
        if self._row >= self.probe.successes:
            self.passing, self.failed = True, False
        elif -self._row >= self.probe.failures:
            self.passing, self.failed = False, True


def answers(probe: Probe, address: str, ports: Mapping[str, int], run: Exec) -> bool:
    """Ask once; ``ports`` are the container's, by name, and ``run`` runs a command in it."""
    action = probe.action
    if "exec" in action:
        return run(action["exec"]["command"], probe.timeout)
    asked = action.get("httpGet") or action["tcpSocket"]
    where = (asked.get("host") or address, ports.get(asked["port"], asked["port"]))
    try:
        if "tcpSocket" in action:
            socket.create_connection(where, probe.timeout).close()
            return True
        return _http(where, asked, probe.timeout)
    except (OSError, http.client.HTTPException):
        return False


def _http(where: tuple[str, int], asked: Object, timeout: float) -> bool:
    if asked.get("scheme") == "HTTPS":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            *where, timeout=timeout, context=_ANY_CERTIFICATE
        )
    else:
        connection = http.client.HTTPConnection(*where, timeout=timeout)
    try:
        headers = {each["name"]: each["value"] for each in asked.get("httpHeaders", ())}
        connection.request("GET", asked.get("path", "/"), headers={"User-Agent": "kube-probe/test", **headers})
        return 200 <= connection.getresponse().status < 400
    finally:
        connection.close()
