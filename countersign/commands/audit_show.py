# SPDX-License-Identifier: Apache-2.0
"""``countersign audit show``: one record whole, with its release and what was recorded about it."""

import argparse
from typing import Any

import msgspec

from audit_sidecar.query.entry import Entry
from countersign.audit_source import add_source, open_source, request_id_argument


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_source(parser)
    parser.add_argument("request", metavar="REQUEST-ID", help="from the answer")
    parser.add_argument("--json", action="store_true", help="as the audit API answers")


def run(arguments: argparse.Namespace) -> int:
    """Print the record."""
    view = open_source(arguments).show(request_id_argument(arguments.request))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(view), indent=1).decode())
        return 0
    _print("record", view.record)
    if view.release is not None:
        _print("released as", view.release)
    for annotation in view.annotations:
        _print("about it", annotation)
    return 0


def _print(heading: str, entry: Entry) -> None:
    print(heading)
    for name, value in msgspec.to_builtins(entry).items():
        for label, text in _lines(name, value):
            print(f"  {label:<18} {text}")


def _lines(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [(name if not at else "", f"{key} = {member}") for at, (key, member) in enumerate(value.items())]
    return [(name, str(value))]
