# SPDX-License-Identifier: Apache-2.0
"""``countersign store status``: what a store holds, read only."""

import argparse

from audit_sidecar.stores.url import HELP, open_reader, store_status
from contracts.timestamps import format_time


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("store", metavar="STORE", help=HELP)


def run(arguments: argparse.Namespace) -> int:
    """Print origin, size, root and newest checkpoint, and what the kind of store says of itself."""
    reader = open_reader(arguments.store)
    frontier, checkpoint = reader.frontier(), reader.checkpoint()
    print(f"log         {reader.origin()}")
    print(f"size        {frontier.size}")
    print(f"root        {frontier.root().hex()}")
    if checkpoint is None:
        print("checkpoint  none signed yet")
    else:
        print(f"checkpoint  size {checkpoint.size}, signed {format_time(checkpoint.time)}")
    for name, value in store_status(arguments.store):
        print(f"{name:<11} {value}")
    return 0
