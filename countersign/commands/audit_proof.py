# SPDX-License-Identifier: Apache-2.0
"""``countersign audit proof``: the inclusion proof of a record, or its whole receipt."""

import argparse

from contracts.receipt import encode_receipt
from countersign.audit_source import add_source, open_source, request_id_argument


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_source(parser)
    parser.add_argument("request", metavar="REQUEST-ID", help="from the answer")
    parser.add_argument(
        "--receipt", action="store_true", help="the receipt that 'audit verify' reads, not the bare proof"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it on standard output."""
    source, request_id = open_source(arguments), request_id_argument(arguments.request)
    text = encode_receipt(source.receipt(request_id)).decode() if arguments.receipt else source.proof(request_id)
    print(text, end="")
    return 0
