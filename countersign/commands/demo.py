# SPDX-License-Identifier: Apache-2.0
"""``countersign demo``: the whole product on real records, in under a minute. 0 when everything held."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from contracts.address import free_ports
from contracts.bundle import Bundle, load_bundle
from countersign.demo.records import evaluation_requests
from countersign.demo.story import Story
from countersign.stack import Stack
from countersign.state import prepare_state

_BUNDLE = Path(__file__).parents[2] / "models" / "telco-watson" / "1.0.0"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--bundle", metavar="DIR", type=Path, default=_BUNDLE, help="a model (models/telco-watson/1.0.0)"
    )
    parser.add_argument("--keep", metavar="DIR", type=Path, help="keep keys, store and receipt here")


def run(arguments: argparse.Namespace) -> int:
    """Tell the story over a temporary stack."""
    bundle = load_bundle(arguments.bundle)
    requests = evaluation_requests(bundle)
    print(f"Countersign on {len(requests)} records that {bundle.card.model_id} was evaluated with")
    started = time.monotonic()
    if arguments.keep is not None:
        _tell(arguments.keep, bundle, requests)
    else:
        with tempfile.TemporaryDirectory(prefix="countersign-demo-") as folder:
            _tell(Path(folder), bundle, requests)
    print(f"\nEverything held, in {time.monotonic() - started:.0f} s. 'make up' keeps a stack running.")
    return 0


def _tell(folder: Path, bundle: Bundle, requests: list[dict[str, Any]]) -> None:
    port, audit_port, metrics_port = free_ports(3)
    stack = Stack(
        bundle=bundle.root.resolve(),
        state=prepare_state(folder),
        port=port,
        audit_port=audit_port,
        metrics_port=metrics_port,
    )
    Story(stack, bundle, requests, folder).tell()
