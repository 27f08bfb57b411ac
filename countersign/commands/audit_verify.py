# SPDX-License-Identifier: Apache-2.0
"""``countersign audit verify``: 0 verified, 1 refused, 2 unreadable. Offline, and with ``cryptography`` alone."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from audit_sidecar.verification import ReceiptRefused, verify_receipt
from audit_sidecar.witness.policy_file import load_policy
from contracts.errors import SettingInvalid
from contracts.receipt import parse_receipt
from contracts.verification_step import Step
from countersign.verifier_keys import HELP, load_verifiers


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("receipt", metavar="RECEIPT", type=Path, help="the receipt file")
    parser.add_argument("--key", metavar="VKEY", required=True, help=HELP)
    parser.add_argument(
        "--witnesses", metavar="FILE", type=Path, help="witness policy; refuse a checkpoint without its quorum"
    )
    parser.add_argument("--answer", metavar="FILE", type=Path, help="the answer you hold, to compare with the record")


def run(arguments: argparse.Namespace) -> int:
    """Verify and print the steps; the exit code."""
    verifiers = load_verifiers(arguments.key)
    receipt = parse_receipt(_read(arguments.receipt))
    answer = None if arguments.answer is None else _read(arguments.answer)
    policy = None if arguments.witnesses is None else load_policy(arguments.witnesses)
    try:
        steps = verify_receipt(receipt, verifiers, answer, policy)
    except ReceiptRefused as refusal:
        _print(refusal.steps)
        print(f"REFUSED: {refusal}")
        return 1
    _print(steps)
    missing = ", ".join(step.not_shown for step in steps if step.not_shown is not None)
    print(f"VERIFIED, except what was not shown: {missing}" if missing else "VERIFIED")
    return 0


def _print(steps: Sequence[Step]) -> None:
    for step in steps:
        print(step.line())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"cannot read {path}: {error.strerror}") from error
