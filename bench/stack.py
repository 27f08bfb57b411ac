# SPDX-License-Identifier: Apache-2.0
"""Service and sidecar as `countersign up` would run them, each its own process, over a store in a fresh folder."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.process import ROOT, Server
from contracts.address import free_ports
from countersign.stack import Program, Stack
from countersign.state import State, prepare_state

BUNDLE: Final = ROOT / "models" / "telecom-churn" / "1.0.0"


class Running(NamedTuple):
    """A stack under measurement; ``service`` is None where the sidecar runs alone."""

    state: State
    url: str
    audit_url: str
    sidecar: Server
    service: Server | None


@contextmanager
def running(folder: Path, with_service: bool) -> Iterator[Running]:
    """Start it in ``folder``, and stop it cleanly at the end."""
    folder.mkdir(parents=True)
    port, audit_port, metrics_port = free_ports(3)
    stack = Stack(BUNDLE, prepare_state(folder / "state"), port, audit_port, metrics_port)
    with ExitStack() as closing:
        sidecar = _start(stack.sidecar(), folder, closing)
        service = _start(stack.service(), folder, closing) if with_service else None
        yield Running(stack.state, stack.url, stack.audit_url, sidecar, service)


def _start(program: Program, folder: Path, closing: ExitStack) -> Server:
    command = [sys.executable, "-m", "countersign", *program.arguments]
    server = Server(program.name, command, program.ready_url, folder / f"{program.name}.log")
    server.start()
    closing.callback(server.stop)
    return server
