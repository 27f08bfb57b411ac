# SPDX-License-Identifier: Apache-2.0
"""``countersign audit fsck``: re-derive a whole log. 0 sound, 1 not (and which leaf), 2 unreadable."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from audit_sidecar.archive.elsewhere import known_elsewhere
from audit_sidecar.fsck.check import Progress, SoundLog, check_log
from audit_sidecar.fsck.location import open_log
from audit_sidecar.fsck.store import check_store
from audit_sidecar.stores.url import is_store_url, open_reader
from audit_sidecar.tlog.checkpoint import Checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.witness.policy_file import load_policy
from contracts.bearer import read_bearer
from contracts.timestamps import format_time
from countersign.verifier_keys import HELP, load_verifiers


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "log", metavar="LOG", help="store URL, folder, http URL over checkpoint and tile/, or s3://bucket/prefix"
    )
    parser.add_argument("--key", metavar="VKEY", required=True, help=HELP)
    parser.add_argument(
        "--against",
        metavar="PLACE",
        action="append",
        default=[],
        help="a checkpoint, proof or receipt kept elsewhere, a folder of them, or an archive; may be repeated",
    )
    parser.add_argument(
        "--witnesses", metavar="FILE", type=Path, help="witness policy; refuse a checkpoint without its quorum"
    )
    parser.add_argument(
        "--token", metavar="FILE", type=Path, help="bearer token, for a log that is served to auditors only"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check and print what was found; the exit code."""
    verifiers = load_verifiers(arguments.key)
    kept = known_elsewhere(arguments.against, verifiers)
    progress = _show_progress if sys.stderr.isatty() else None
    try:
        found = _check(arguments, verifiers, kept, progress)
    except VerificationError as error:
        _end_progress(progress)
        print(f"NOT SOUND: {error}")
        return 1
    _end_progress(progress)
    _print(found)
    return 0


def _check(
    arguments: argparse.Namespace, verifiers: Sequence[Verifier], kept: Iterable[Checkpoint], progress: Progress | None
) -> SoundLog:
    policy = None if arguments.witnesses is None else load_policy(arguments.witnesses)
    if is_store_url(arguments.log):
        return check_store(open_reader(arguments.log), verifiers, kept, progress, policy)
    token = None if arguments.token is None else read_bearer(arguments.token)
    return check_log(open_log(arguments.log, token), verifiers, kept, progress, policy)


def _print(found: SoundLog) -> None:
    checkpoint = found.checkpoint
    print(f"log     {checkpoint.origin}")
    print(f"size    {checkpoint.size}")
    print(f"root    {checkpoint.root.hex()}")
    print(f"leaves  {', '.join(f'{count} {kind}' for kind, count in sorted(found.kinds.items())) or 'none'}")
    for name, time in ({} if found.cosigned is None else found.cosigned).items():
        print(f"cosigned by the witness {name} at {format_time(time * 1_000_000_000)}")
    for kept in found.kept:
        print(f"extends the checkpoint kept at size {kept.size}, root {kept.root.hex()}")
    if not found.kept:
        print(
            "compared with no checkpoint kept elsewhere: a rewritten or shortened log would look the same (--against)"
        )
    print("SOUND")


def _show_progress(done: int, total: int) -> None:
    print(f"\r{done}/{total} leaves", end="", file=sys.stderr, flush=True)


def _end_progress(progress: Progress | None) -> None:
    if progress is not None:
        print(file=sys.stderr)
