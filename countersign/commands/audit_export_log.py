# SPDX-License-Identifier: Apache-2.0
"""``countersign audit export-log``: write the log as C2SP files."""

import argparse
import sys
from pathlib import Path

from audit_sidecar.publish.export_log import export_log
from audit_sidecar.stores.url import HELP, open_reader


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("store", metavar="STORE", help=HELP)
    parser.add_argument("folder", metavar="DIR", type=Path, help="empty, or an older export of the same log")


def run(arguments: argparse.Namespace) -> int:
    """Write ``checkpoint`` and ``tile/``, nothing else."""
    progress = _show if sys.stderr.isatty() else None
    size = export_log(open_reader(arguments.store), arguments.folder, progress)
    print(f"{arguments.folder}: {size} leaves, checkpoint and tile/")
    return 0


def _show(done: int, total: int) -> None:
    print(f"\r{done}/{total} leaves", end="\n" if done == total else "", file=sys.stderr, flush=True)
