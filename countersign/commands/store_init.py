# SPDX-License-Identifier: Apache-2.0
"""``countersign store init``: create the log, once."""

import argparse
from pathlib import Path

from audit_sidecar.log_keys import load_signers
from audit_sidecar.stores.url import HELP, create_store, shown


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("store", metavar="STORE", help=HELP)
    parser.add_argument(
        "--key", metavar="FILE", type=Path, required=True, help="the log's private key; its name is the origin"
    )


def run(arguments: argparse.Namespace) -> int:
    """Create an empty log named by its key."""
    origin = load_signers(arguments.key)[0].verifier.name
    left = create_store(arguments.store, origin)
    print(f"created the log {origin} in {shown(arguments.store)}")
    if left:
        print("this login may not make roles; have somebody run, in that database:")
        print("SET search_path = countersign;", *left, sep="\n")
    return 0
