# SPDX-License-Identifier: Apache-2.0
"""``countersign attest``: judge as `check` does, and sign the outcome. The exit code is the one of `check`."""

import argparse
import datetime as dt
from pathlib import Path

from contracts.release import verdict_digest
from countersign.gate_arguments import EXIT_NOT_EVALUATED, UsageMistake, add_gate_arguments, exit_code, guarded
from countersign.gate_outputs import add_output_arguments, print_text, printed_format, report_on
from policies.errors import CannotEvaluate
from policies.report import Report
from policies.verdict.signing_keys import read_private_key
from policies.verdict.verdicts import MAX_VALID_DAYS, SignedVerdict, Terms, sign_verdicts


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_gate_arguments(parser)
    add_output_arguments(parser)
    parser.add_argument(
        "--key", metavar="PEM", type=Path, required=True, help="private key that signs: Ed25519 or EC P-256, PKCS #8"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder that the verdicts go to")
    parser.add_argument(
        "--valid-days", metavar="N", type=int, default=30, help=f"days a verdict holds, at most {MAX_VALID_DAYS} (30)"
    )
    parser.add_argument(
        "--resource-uri", metavar="URI", help="what a single verdict is for (a package URL of the model)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge, write report and verdicts, and give the exit code of the judgement."""
    return guarded("attest", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.valid_days <= MAX_VALID_DAYS:
        raise UsageMistake(f"--valid-days {arguments.valid_days} is not between 1 and {MAX_VALID_DAYS}")
    key = read_private_key(arguments.key)
    report, written = report_on(arguments, "attest")
    terms = Terms(dt.datetime.now(dt.UTC), arguments.valid_days, arguments.resource_uri)
    verdicts = sign_verdicts(report, key, terms)
    if arguments.resource_uri is not None and len(verdicts) > 1:
        raise UsageMistake("--resource-uri is for one bundle; name one, or leave it out")
    _refuse_none(verdicts, report)
    for verdict in verdicts:
        _write(arguments.out, verdict)
    if printed_format(arguments.output) == "text":
        print_text("".join(_told(arguments.out, verdict) for verdict in verdicts))
    return exit_code(report) if written else EXIT_NOT_EVALUATED


def _refuse_none(verdicts: list[SignedVerdict], report: Report) -> None:
    if not verdicts:
        unread = ", ".join(item.name for item in report.unreadable)
        why = f"{unread} cannot be read" if unread else "none of the targets has a digest"
        raise CannotEvaluate(f"there is nothing that a verdict could bind: {why}; nothing was signed")


def _write(folder: Path, verdict: SignedVerdict) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{verdict.stem}.test-result.intoto.jsonl").write_bytes(verdict.test_result)
        (folder / f"{verdict.stem}.vsa.intoto.jsonl").write_bytes(verdict.verdict)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CannotEvaluate(f"cannot write {folder}: {reason}; mend the path of --out") from None


def _told(folder: Path, verdict: SignedVerdict) -> str:
    summary = verdict.summary
    levels = ", ".join(summary.verified_levels)
    return (
        f"signed {summary.verification_result}, {levels}, until {summary.not_after.date()}: "
        f"{folder / verdict.stem}.vsa.intoto.jsonl sha256 {verdict_digest(verdict.verdict)}\n"
    )
