# SPDX-License-Identifier: Apache-2.0
"""``countersign store init``: create the log, once; with ``--after`` as the one that follows a lost log."""

import argparse
from contextlib import closing
from pathlib import Path

from audit_sidecar.archive.elsewhere import known_elsewhere
from audit_sidecar.errors import StoreRefused
from audit_sidecar.log_keys import load_signers
from audit_sidecar.stores.url import HELP, create_store, open_reader, open_writer, shown
from audit_sidecar.tlog.checkpoint import Checkpoint
from audit_sidecar.tlog.keys import NoteSigner
from contracts.errors import SettingInvalid
from countersign import __version__
from countersign.verifier_keys import HELP as VKEY_HELP
from countersign.verifier_keys import load_verifiers


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("store", metavar="STORE", help=HELP)
    parser.add_argument(
        "--key", metavar="FILE", type=Path, required=True, help="the log's private key; its name is the origin"
    )
    parser.add_argument(
        "--after",
        metavar="PLACE",
        action="append",
        help="this log follows a lost one: a checkpoint, proof or receipt of it, its anchor or its archive; may repeat",
    )
    parser.add_argument("--after-key", metavar="VKEY", help=f"with --after, of the lost log: {VKEY_HELP}")


def run(arguments: argparse.Namespace) -> int:
    """Create an empty log named by its key; or, after a lost one, a log that begins by naming it."""
    lost = _lost(arguments)
    signers = load_signers(arguments.key)
    origin = signers[0].verifier.name
    if lost is not None and lost.origin == origin:
        raise SettingInvalid(
            f"the key is of {origin!r}, the lost log: a name belongs to one log; make keys of a new one with "
            "'countersign keygen --origin NAME --out DIR'"
        )
    if lost is None or not _is_empty(arguments.store, origin):
        left = create_store(arguments.store, origin)
        print(f"created the log {origin} in {shown(arguments.store)}", *left, sep="\n")
    if lost is not None:
        _name(arguments.store, signers, lost)
    return 0


def _lost(arguments: argparse.Namespace) -> Checkpoint | None:
    if (arguments.after is None) is not (arguments.after_key is None):
        raise SettingInvalid("--after and --after-key go together: where the lost log is known, and its public key")
    if arguments.after is None:
        return None
    known = known_elsewhere(arguments.after, load_verifiers(arguments.after_key))
    return max(known, key=lambda checkpoint: checkpoint.size)


def _is_empty(store: str, origin: str) -> bool:
    """Whether the log was created and has not begun: an earlier attempt that was broken off is finished."""
    try:
        reader = open_reader(store)
        return reader.origin() == origin and reader.frontier().size == 0
    except StoreRefused:
        return False


def _name(store: str, signers: tuple[NoteSigner, ...], lost: Checkpoint) -> None:
    # Only here: an ordinary log begins with its first sidecar, and this command stays quick.
    from audit_sidecar.lost_log import name_the_lost

    verifiers = [signer.verifier for signer in signers]
    with closing(open_writer(store)) as writer:
        position = name_the_lost(open_reader(store), writer, verifiers, lost, __version__)
    print(f"leaf {position.leaf_index} says that it follows {lost.origin}, {lost.size} leaves, root {lost.root.hex()}")
