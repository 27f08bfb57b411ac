# SPDX-License-Identifier: Apache-2.0
"""``countersign audit completeness``: what each producer sent and what is missing. 0 complete, 1 not."""

import argparse

import msgspec

from audit_sidecar.query.completeness import StreamReport
from countersign.audit_source import add_source, open_source


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_source(parser)
    parser.add_argument("--from", metavar="TIME", dest="from_time", help="RFC 3339 time or date, inclusive")
    parser.add_argument("--to", metavar="TIME", dest="to_time", help="RFC 3339 time or date, exclusive")
    parser.add_argument("--json", action="store_true", help="as the audit API answers")


def run(arguments: argparse.Namespace) -> int:
    """Print one line per producer process, and the verdict."""
    found = open_source(arguments).completeness(arguments.from_time, arguments.to_time)
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    else:
        print(f"{'stream':<36}  {'producer':<10} {'model':<24} {'records':>8}  {'sequence':>17}  {'missing':>7}  end")
        for stream in found.streams:
            _print(stream)
        print("complete: no hole in any stream" if found.complete else "NOT COMPLETE: records are missing")
    return 0 if found.complete else 1


def _print(stream: StreamReport) -> None:
    model = "-" if stream.model_id is None else f"{stream.model_id} {stream.model_version or ''}".strip()
    print(
        f"{stream.stream:<36}  {stream.producer:<10} {model:<24} {stream.count:>8}  "
        f"{f'{stream.first}–{stream.last}':>17}  {stream.missing:>7}  {stream.end}"
    )
    for gap in stream.gaps:
        print(f"{'':<36}  missing {gap.first} to {gap.last}: gap record at leaf {gap.index}")
