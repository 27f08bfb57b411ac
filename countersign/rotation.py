# SPDX-License-Identifier: Apache-2.0
"""Add a key in front of those there are. Old keys stay: what they signed or made is still checked and found by them."""

import base64
import os
import secrets
from pathlib import Path

from audit_sidecar.durable_file import sync_folder
from audit_sidecar.log_keys import kms_line, load_signers, parse_signers
from audit_sidecar.tlog.keys import Verifier, generate_signer
from contracts.errors import SettingInvalid
from contracts.subject import SubjectKey, load_subject_keys
from countersign.verifier_keys import load_verifiers


def rotate_log_key(log_key: Path, log_vkey: Path, kms: str | None = None) -> tuple[Verifier, ...]:
    """Put a new key of the same log first in both files, or the one in KMS; every key, the new one first.

    The public file is written first, so that nothing is ever signed by a key that verifiers were not given. Each file
    is replaced whole. SettingInvalid when the two do not fit, or one cannot be read or written.
    """
    signers, verifiers = load_signers(log_key), load_verifiers(str(log_vkey))
    missing = [signer.verifier for signer in signers if signer.verifier not in verifiers]
    if missing:
        raise SettingInvalid(f"{log_vkey} lacks {missing[0].to_text()}, which signs; add that line first")
    line, fresh = new_log_key(signers[0].verifier.name, kms)
    if fresh in verifiers:
        raise SettingInvalid(f"{log_vkey} has {fresh.to_text()} already; name another key")
    held = log_key.read_text("utf-8").removesuffix("\n").split("\n")
    _replace(log_vkey, 0o644, [key.to_text() for key in (fresh, *verifiers)])
    _replace(log_key, 0o600, [line, *held])
    return (fresh, *verifiers)


def new_log_key(origin: str, kms: str | None) -> tuple[str, Verifier]:
    """The line of `log.key` and the public half of a fresh key, or of the one in KMS. Malformed, SettingInvalid."""
    if kms is None:
        signer = generate_signer(origin)
        return signer.to_text(), signer.verifier
    line = kms_line(origin, kms)
    (held,) = parse_signers(line, "--kms")
    return line, held.verifier


def rotate_subject_key(path: Path) -> tuple[str, ...]:
    """Put a new subject key first in the file; the ids of every key, the new one first. SettingInvalid as above."""
    keys = (new_subject_key(), *load_subject_keys(path))
    _replace(path, 0o600, [subject_key_line(key) for key in keys])
    return tuple(key.key_id for key in keys)


def new_subject_key() -> SubjectKey:
    """A fresh key with a random id."""
    return SubjectKey(secrets.token_hex(4), secrets.token_bytes(32))


def subject_key_line(key: SubjectKey) -> str:
    """Its line, as `contracts.subject` reads it."""
    return f"{key.key_id} {base64.b64encode(key.secret).decode()}"


def _replace(path: Path, mode: int, lines: list[str]) -> None:
    draft = path.with_name(f".{path.name}.rotating")
    try:
        draft.unlink(missing_ok=True)  # of a rotation that was cut off
        # Created with its final mode: a key that is readable for a moment has been readable.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SettingInvalid(f"cannot replace {path}: {error.strerror}") from error
