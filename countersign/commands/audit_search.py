# SPDX-License-Identifier: Apache-2.0
"""``countersign audit search``: find records, newest first."""

import argparse
import sys
from pathlib import Path

import msgspec

from audit_sidecar.query.entry import Entry
from audit_sidecar.query.parameters import Filters
from contracts.errors import SettingInvalid
from contracts.subject import load_subject_keys
from countersign.audit_source import add_source, open_source

_PAGE = 500


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_source(parser)
    parser.add_argument("--customer", metavar="ID", help="the subject as the caller named it; needs --subject-key")
    parser.add_argument("--subject-key", metavar="FILE", type=Path, help="the keys that pseudonyms are made with")
    parser.add_argument("--subject", metavar="PSEUDONYM", help="the subject as records name it")
    parser.add_argument("--request", metavar="ID", help="a request id")
    parser.add_argument("--model", metavar="ID", help="model id")
    parser.add_argument("--version", metavar="V", help="of the model")
    parser.add_argument("--label", metavar="L", help="what was predicted")
    parser.add_argument("--kind", metavar="K", help="default: prediction; 'all' for every kind")
    parser.add_argument("--from", metavar="TIME", dest="from_time", help="RFC 3339 time or date, inclusive")
    parser.add_argument("--to", metavar="TIME", dest="to_time", help="RFC 3339 time or date, exclusive")
    parser.add_argument("--limit", metavar="N", type=_count, default=50, help="most records shown (50)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def run(arguments: argparse.Namespace) -> int:
    """Print what is found; exit 0 also when nothing is."""
    source = open_source(arguments)
    total, shown = 0, 0
    for subject in _subjects(arguments):
        filters = _filters(arguments, subject)
        cursor: str | None = None
        while shown < arguments.limit:
            page = source.search(filters, min(_PAGE, arguments.limit - shown), cursor)
            total += page.total if cursor is None else 0
            for entry in page.entries:
                _print(entry, arguments.json)
            shown += len(page.entries)
            cursor = page.next
            if cursor is None:
                break
    if not arguments.json:
        more = f", {shown} shown; --limit shows more" if shown < total else ""
        print(f"{total} record{'' if total == 1 else 's'}{more}", file=sys.stderr)
    return 0


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < len(text.lstrip("0")) < 10:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no number of records from 1 on")
    return int(text)


def _subjects(arguments: argparse.Namespace) -> list[str | None]:
    if arguments.customer is None:
        return [arguments.subject]
    if arguments.subject_key is None or arguments.subject is not None:
        raise SettingInvalid("--customer needs --subject-key, and takes the place of --subject")
    # Under every key: records made before a rotation carry the old key's pseudonym.
    return [key.pseudonym(arguments.customer) for key in load_subject_keys(arguments.subject_key)]


def _filters(arguments: argparse.Namespace, subject: str | None) -> Filters:
    kind = arguments.kind or "prediction"
    return Filters(
        subject, arguments.request, arguments.model, arguments.version, arguments.label,
        None if kind == "all" or arguments.request else kind, arguments.from_time, arguments.to_time,
    )  # fmt: skip


def _print(entry: Entry, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(entry).decode())
        return
    score = "" if entry.score is None else f"{entry.score:.4f}"
    line = (
        f"{entry.time[:23]}Z  {entry.index:>8}  {entry.kind:<10} {entry.request_id or entry.trace:<36} "
        f"{entry.label or '':<12} {score:>6}  {(entry.subject or '')[:12]:<12}  {'erased' if entry.erased else ''}"
    )
    print(line.rstrip())
