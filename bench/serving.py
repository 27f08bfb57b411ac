# SPDX-License-Identifier: Apache-2.0
"""Serve one prediction a request: the service and its peers under the same load, in interleaved rounds.

Each round visits every server at every number of connections, so that a machine that slows down slows all of them.
"""

import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import bodies
from bench.environments import python_of
from bench.errors import BenchFailed
from bench.load import Shot, shoot
from bench.process import Server
from bench.stack import running
from contracts.address import free_ports

CONNECTIONS: Final = (64, 16, 1)
OURS: Final = "countersign"
SEED: Final = "seed application"
ECHO: Final = "Litestar echo"
KSERVE: Final = "KServe"


class Target(NamedTuple):
    """One server under load; several processes serve it together."""

    name: str
    url: str
    bodies: Path
    servers: Sequence[Server]


class Served(NamedTuple):
    """Medians over rounds with the slowest and the fastest rate; CPU in µs a request and memory in MiB, per process."""

    server: str
    connections: int
    rate: float
    slowest: float
    fastest: float
    p50_ms: float
    p99_ms: float
    cpu_us: Sequence[float]
    memory_mb: Sequence[float]


class _Peer(NamedTuple):
    name: str
    module: str
    environment: str | None
    path: str
    ready: str
    body: Any


_PEERS: Final = (
    _Peer(SEED, "bench.peers.seed_app", "seed", "/predict", "/healthz", bodies.single),
    _Peer(ECHO, "bench.peers.echo_app", None, "/predict", "/healthz", bodies.single),
    _Peer(KSERVE, "bench.peers.kserve_app", "kserve", "/v1/models/churn:predict", "/v2/health/ready", bodies.kserve),
    _Peer("MLServer", "bench.peers.mlserver_app", "mlserver", "/v2/models/churn/infer", "/v2/health/ready",
          bodies.inference),
)  # fmt: skip


@contextmanager
def targets(folder: Path) -> Iterator[tuple[list[Target], dict[str, str]]]:
    """Every server that could be started, ours first, and why the others could not. They run until the block ends."""
    rows = bodies.accounts(bodies.DIFFERENT)
    absent: dict[str, str] = {}
    with ExitStack() as closing:
        ours = closing.enter_context(running(folder / "serving", with_service=True))
        assert ours.service is not None
        single = bodies.write(folder / "single.jsonl", map(bodies.single, rows))
        found = [Target(OURS, f"{ours.url}/predict", single, (ours.service, ours.sidecar))]
        for peer in _PEERS:
            try:
                server, url = _start(peer, folder)
            except BenchFailed as error:
                absent[peer.name] = str(error)
                continue
            closing.callback(server.stop)
            lines = bodies.write(folder / f"{peer.module}.jsonl", map(peer.body, rows))
            found.append(Target(peer.name, url, lines, (server,)))
        yield found, absent


def _start(peer: _Peer, folder: Path) -> tuple[Server, str]:
    python = Path(sys.executable) if peer.environment is None else python_of(peer.environment)
    (port, *_) = free_ports(3)  # a peer may take the two ports after its own
    url = f"http://127.0.0.1:{port}"
    server = Server(peer.name, [str(python), "-m", peer.module, str(port)], url + peer.ready, folder / "peers.log")
    server.start({"OPENBLAS_NUM_THREADS": "1"})
    return server, url + peer.path


def measure(found: Sequence[Target], rounds: int, seconds: float) -> list[Served]:
    """One row per server and number of connections."""
    shots: dict[tuple[str, int], list[tuple[Shot, list[float]]]] = {}
    for target in found:
        shoot(target.url, target.bodies, 16, 1)  # the first requests fill caches
    for _ in range(rounds):
        for connections in CONNECTIONS:
            for target in found:
                before = [server.cpu_seconds() for server in target.servers]
                shot = shoot(target.url, target.bodies, connections, seconds)
                spent = [server.cpu_seconds() - was for server, was in zip(target.servers, before, strict=True)]
                cpu = [cost / shot.requests * 1e6 for cost in spent]
                shots.setdefault((target.name, connections), []).append((shot, cpu))
    servers = {target.name: target.servers for target in found}
    return [_summary(name, connections, taken, servers[name]) for (name, connections), taken in shots.items()]


def _summary(
    name: str, connections: int, taken: Sequence[tuple[Shot, list[float]]], servers: Sequence[Server]
) -> Served:
    rates = [shot.rate for shot, _ in taken]
    return Served(
        name,
        connections,
        statistics.median(rates),
        min(rates),
        max(rates),
        statistics.median(shot.p50_ms for shot, _ in taken),
        statistics.median(shot.p99_ms for shot, _ in taken),
        [statistics.median(costs) for costs in zip(*(cpu for _, cpu in taken), strict=True)],
        [server.memory_mb() for server in servers],
    )
