# SPDX-License-Identifier: Apache-2.0
"""``countersign up``: service and sidecar on this machine, as two child processes over one private socket."""

import argparse
import asyncio
import json
import shlex
import signal
from pathlib import Path

from contracts.address import Address, bind, free_port, is_free
from contracts.bundle import Bundle, load_bundle
from countersign.example import example_request
from countersign.state import State, prepare_state
from countersign.supervise import Child, Program

_HOST = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--bundle", metavar="DIR", type=Path, required=True, help="the model, such as models/ID/VERSION"
    )
    parser.add_argument("--data", metavar="DIR", type=Path, required=True, help="keys and log; made when it is empty")
    parser.add_argument("--port", type=int, default=8080, help="of the service (8080)")
    parser.add_argument("--audit-port", type=int, default=8081, help="of the audit API (8081)")
    parser.add_argument("--metrics-port", type=int, default=9464, help="of the service's metrics (9464)")
    parser.add_argument("--tokens", metavar="FILE", help="bearer tokens; without it every local caller holds all roles")
    parser.add_argument(
        "--audit-token", metavar="FILE", help="token the service reads the audit API with; for --tokens"
    )
    parser.add_argument("--config", metavar="FILE", help="TOML file of settings of the service")


def run(arguments: argparse.Namespace) -> int:
    """Stay up until Ctrl-C or SIGTERM; exit 0 after a clean drain."""
    bundle = load_bundle(arguments.bundle)  # before anything is made: a bad bundle leaves no folder behind
    for port in (arguments.port, arguments.audit_port):
        bind(Address(_HOST, port)).close()
    state = prepare_state(arguments.data)
    return asyncio.run(_run(arguments, state, bundle))


async def _run(arguments: argparse.Namespace, state: State, bundle: Bundle) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    wanted = arguments.metrics_port
    metrics_port = wanted if wanted and is_free(Address(_HOST, wanted)) else free_port()
    sidecar, service = Child(sidecar_program(arguments, state)), Child(service_program(arguments, state, metrics_port))
    try:
        await sidecar.start()
        await service.start()
        print(_welcome(arguments, state, bundle, metrics_port), flush=True)
        await stop.wait()
    finally:
        # The service first: its last record needs the sidecar.
        await service.stop()
        await sidecar.stop()
    return 0


def sidecar_program(arguments: argparse.Namespace, state: State) -> Program:
    """The sidecar: evidence over the private socket, audit API on loopback."""
    audit = f"{_HOST}:{arguments.audit_port}"
    return Program(
        "sidecar",
        [
            "sidecar", "--store", state.store, "--key", str(state.log_key), "--otlp-http", f"unix:{state.socket}",
            "--audit", audit, *_optional("--tokens", arguments.tokens),
        ],
        f"http://{audit}/readyz",
    )  # fmt: skip


def service_program(arguments: argparse.Namespace, state: State, metrics_port: int) -> Program:
    """The service, which answers only with evidence."""
    return Program(
        "service",
        [
            "serve", "--bundle", str(arguments.bundle), "--evidence", f"unix:{state.socket}",
            "--subject-key", str(state.subject_key), "--host", _HOST, "--port", str(arguments.port),
            "--metrics-port", str(metrics_port), "--audit-url", f"http://{_HOST}:{arguments.audit_port}",
            *_optional("--tokens", arguments.tokens), *_optional("--audit-token", arguments.audit_token),
            *_optional("--config", arguments.config),
        ],
        f"http://{_HOST}:{arguments.port}/ready",
    )  # fmt: skip


def _optional(flag: str, value: str | None) -> list[str]:
    return [] if value is None else [flag, value]


def _welcome(arguments: argparse.Namespace, state: State, bundle: Bundle, metrics_port: int) -> str:
    service = f"http://{_HOST}:{arguments.port}"
    body = shlex.quote(json.dumps(example_request(bundle.card)))
    return "\n".join(
        [
            "",
            f"  {bundle.card.model_id} {bundle.card.version} is up; every answer is countersigned",
            f"  service  {service}/schema",
            f"  audit    http://{_HOST}:{arguments.audit_port}/schema",
            f"  metrics  http://{_HOST}:{metrics_port}/metrics",
            f"  log key  {state.log_vkey}",
            "",
            f"  curl -s {service}/predict -H 'content-type: application/json' -d {body}",
            "",
            "  Ctrl-C stops it.",
        ]
    )
