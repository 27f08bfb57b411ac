# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that somebody kept elsewhere: the only thing that shows a log to be cut short or rewritten.

A checkpoint note, a tlog-proof and a receipt each carry one. What is returned was signed by a given key; a file that
carries none is `LogUnreadable`, never skipped, because a comparison left out would look like one that passed.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from audit_sidecar.fsck.reader import MAX_FILE_BYTES, LogUnreadable
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint
from audit_sidecar.tlog.errors import VerificationError
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.proof import HEADER, parse_proof
from contracts.errors import ContractError
from contracts.receipt import parse_receipt


def load_kept(paths: Iterable[Path], verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    """Return the checkpoint of every file; a folder stands for its ``checkpoint``, or else for all files in it."""
    return [_load(file, verifiers) for path in paths for file in _files(path)]


def read_kept(data: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return the checkpoint that a note, a tlog-proof or a receipt carries; VerificationError or ContractError."""
    if data.startswith(b"{"):
        data = parse_receipt(data).proof.encode("utf-8", "surrogatepass")
    if data.startswith(HEADER.encode()):
        data = parse_proof(data).checkpoint
    return open_checkpoint(data, verifiers)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / "checkpoint").is_file():
        return [path / "checkpoint"]
    try:
        found = sorted(file for file in path.iterdir() if file.is_file())
    except OSError as error:
        raise LogUnreadable(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise LogUnreadable(f"{path} holds no checkpoint to compare with")
    return found


def _load(path: Path, verifiers: Sequence[Verifier]) -> Checkpoint:
    try:
        with path.open("rb") as file:
            return read_kept(file.read(MAX_FILE_BYTES), verifiers)
    except OSError as error:
        raise LogUnreadable(f"cannot read {path}: {error.strerror}") from error
    except (VerificationError, ContractError) as error:
        raise LogUnreadable(f"{path} carries no checkpoint that a given key signed: {error}") from error
