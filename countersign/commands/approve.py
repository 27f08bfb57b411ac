# SPDX-License-Identifier: Apache-2.0
"""``countersign approve``: sign that you have looked at a bundle and that it may be released, as it is."""

import argparse
import datetime as dt
from pathlib import Path

from contracts.errors import SettingInvalid
from countersign.gate_arguments import EXIT_PASSED, guarded
from policies.errors import CannotEvaluate
from policies.governance.approvals import Decision, write_approval
from policies.governance.governance import Approver
from policies.governance.reading import APPROVALS, APPROVERS, SUFFIX, read_governance
from policies.runner.reading import bundle_digests
from policies.targets.bundle import BundleTarget, read_bundle
from policies.verdict.signing_keys import PrivateKey, key_id, read_private_key


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="models/<id>/<version>")
    parser.add_argument("--as", dest="name", metavar="NAME", required=True, help="you, as approvers.yaml lists you")
    parser.add_argument(
        "--key", metavar="PEM", type=Path, required=True, help="your private key: Ed25519 or EC P-256, PKCS #8"
    )
    parser.add_argument("--note", metavar="TEXT", help="what you looked at; stands in what you sign")
    parser.add_argument(
        "--governance",
        metavar="DIR",
        type=Path,
        default=Path("governance"),
        help="folder of approvers.yaml; the approval goes below its approvals/ (%(default)s)",
    )
    parser.add_argument("--on", metavar="DATE", type=dt.date.fromisoformat, help="day of the decision (today)")


def run(arguments: argparse.Namespace) -> int:
    """Sign, write the approval, and say what it binds."""
    return guarded("approve", lambda: _approve(arguments))


def _approve(arguments: argparse.Namespace) -> int:
    key = read_private_key(arguments.key)
    approver = _approver(arguments.governance, arguments.name, key)
    bundle = read_bundle(arguments.bundle)
    decided = arguments.on or dt.datetime.now(dt.UTC).date()
    if approver.expires is not None and approver.expires < decided:
        raise CannotEvaluate(f"{approver.place}: {approver.name!r} could approve until {approver.expires} only")
    decision = Decision(
        approver=approver.name,
        duty=approver.duty,
        model=f"{bundle.card.model_id}@{bundle.card.version}",
        decided=decided,
        subjects=bundle_digests(bundle),
        note=arguments.note,
    )
    file = _write(arguments.governance, bundle, approver, write_approval(decision, key))
    for name, digest in decision.subjects.items():
        print(f"sha256 {digest}  {name}")
    print(f"approved {decision.model} as {approver.name} ({approver.duty}) on {decided}: {file}")
    if approver.demonstration:
        print("this is a demonstration key: no human approval")
    return EXIT_PASSED


def _approver(folder: Path, name: str, key: PrivateKey) -> Approver:
    """The listed approver of this name and key. Raises CannotEvaluate or SettingInvalid."""
    file = folder / APPROVERS
    if not file.is_file():
        raise CannotEvaluate(f"{file} is not there; list who may approve in it (docs/gate.md)")
    listed = read_governance(folder).approvers
    approver = next((item for item in listed if item.name == name), None)
    if approver is None:
        known = ", ".join(item.name for item in listed) or "nobody"
        raise SettingInvalid(f"{file} does not list {name!r}; it lists {known}")
    if approver.key_id != key_id(key.public_key()):
        raise SettingInvalid(f"{approver.place}: the public key of {name!r} is not that of the private key given")
    return approver


def _write(folder: Path, bundle: BundleTarget, approver: Approver, envelope: bytes) -> Path:
    safe = "".join(c if c.isalnum() and c.isascii() else "-" for c in approver.name.casefold())
    file = folder / APPROVALS / bundle.card.model_id / bundle.card.version / f"{safe}-{approver.key_id[:8]}{SUFFIX}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(envelope)
    except OSError as error:
        raise CannotEvaluate(f"cannot write {file}: {error.strerror or type(error).__name__}") from None
    return file
