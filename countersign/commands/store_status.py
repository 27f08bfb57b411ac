# SPDX-License-Identifier: Apache-2.0
"""``countersign store status``: what a store holds, read only."""

import argparse

from audit_sidecar.stores.url import open_reader
from contracts.timestamps import format_time


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("store", metavar="STORE", help="store URL, sqlite:///path (four slashes for an absolute path)")


def run(arguments: argparse.Namespace) -> int:
    """Print origin, size, root and newest checkpoint."""
    reader = open_reader(arguments.store)
    frontier, checkpoint = reader.frontier(), reader.checkpoint()
    print(f"log         {reader.origin()}")
    print(f"size        {frontier.size}")
    print(f"root        {frontier.root().hex()}")
    if checkpoint is None:
        print("checkpoint  none signed yet")
    else:
        print(f"checkpoint  size {checkpoint.size}, signed {format_time(checkpoint.time)}")
    return 0
