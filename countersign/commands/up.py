# SPDX-License-Identifier: Apache-2.0
"""``countersign up``: service and sidecar on this machine, as two child processes over one private socket."""

import argparse
import asyncio
import json
import shlex
import signal
from pathlib import Path

from contracts.address import Address, bind, bound_port, free_ports, is_free
from contracts.bundle import load_bundle
from contracts.model_card import ModelCard
from countersign.example import example_request
from countersign.stack import HOST, Stack
from countersign.state import prepare_state
from countersign.supervise import Child


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--bundle", metavar="DIR", type=Path, required=True, help="the model, such as models/ID/VERSION"
    )
    parser.add_argument("--data", metavar="DIR", type=Path, required=True, help="keys and log; made when it is empty")
    parser.add_argument("--port", type=int, default=8080, help="of the service, 0 for a free one (8080)")
    parser.add_argument("--audit-port", type=int, default=8081, help="of the audit API, 0 for a free one (8081)")
    parser.add_argument("--metrics-port", type=int, default=9464, help="of the service's metrics (9464)")
    parser.add_argument("--tokens", metavar="FILE", help="bearer tokens; without it every local caller holds all roles")
    parser.add_argument(
        "--audit-token", metavar="FILE", help="token the service reads the audit API with; for --tokens"
    )
    parser.add_argument("--config", metavar="FILE", help="TOML file with tables [serve] and [sidecar]")
    parser.add_argument(
        "--anchor",
        metavar="FOLDER",
        help="keep the newest checkpoint there too, on another volume; never sign behind it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Stay up until Ctrl-C or SIGTERM; exit 0 after a clean drain."""
    bundle = load_bundle(arguments.bundle)  # before anything is made: a bad bundle leaves no folder behind
    # Both at once, so that they are two even where the same one, or any free one, was asked for.
    with bind(Address(HOST, arguments.port)) as service, bind(Address(HOST, arguments.audit_port)) as audit:
        port, audit_port = bound_port(service), bound_port(audit)
    stack = Stack(
        bundle=arguments.bundle,
        state=prepare_state(arguments.data),
        port=port,
        audit_port=audit_port,
        metrics_port=arguments.metrics_port,
        tokens=arguments.tokens,
        audit_token=arguments.audit_token,
        config=arguments.config,
        anchor=arguments.anchor,
    )
    return asyncio.run(_run(stack, bundle.card))


async def _run(stack: Stack, card: ModelCard) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sidecar = Child(stack.sidecar())
    service: Child | None = None
    try:
        await sidecar.start()
        # As late as can be: another stack that starts now wants the same port.
        if not stack.metrics_port or not is_free(Address(HOST, stack.metrics_port)):
            stack = stack._replace(metrics_port=free_ports(1)[0])
        service = Child(stack.service())
        await service.start()
        print(_welcome(stack, card), flush=True)
        await stop.wait()
    finally:
        # The service first: its last record needs the sidecar.
        if service is not None:
            await service.stop()
        await sidecar.stop()
    return 0


def _welcome(stack: Stack, card: ModelCard) -> str:
    body = shlex.quote(json.dumps(example_request(card)))
    token = "" if stack.tokens is None else ' -H "authorization: Bearer $TOKEN"'
    return "\n".join(
        [
            "",
            f"  {card.model_id} {card.version} is up; every answer is countersigned",
            f"  service  {stack.url}/schema",
            f"  audit    {stack.audit_url}/schema",
            f"  metrics  http://{HOST}:{stack.metrics_port}/metrics",
            f"  log key  {stack.state.log_vkey}",
            "",
            f"  curl -s {stack.url}/predict -H 'content-type: application/json'{token} -d {body}",
            "",
            "  Ctrl-C stops it.",
        ]
    )
