# SPDX-License-Identifier: Apache-2.0
"""``countersign keygen``: write ``log.key``, ``log.vkey`` and ``subject.key``; no existing file is ever replaced.

A replaced log key would make a log unverifiable, a replaced subject key would make its subjects unfindable.
"""

import argparse
import base64
import os
import secrets
from pathlib import Path
from typing import Final

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.keys import Signer, generate_signer
from contracts.errors import SettingInvalid

LOG_KEY: Final = "log.key"
LOG_VKEY: Final = "log.vkey"
SUBJECT_KEY: Final = "subject.key"

_MAX_ORIGIN_BYTES = 255  # acknowledgements and cosignatures carry its length in one byte


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--origin", metavar="NAME", required=True, help="the log's name, such as audit.example.com/prod"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the three files")


def run(arguments: argparse.Namespace) -> int:
    """Write the keys and say where; the exit code."""
    signer = write_keys(arguments.origin, arguments.out)
    print(f"{arguments.out / LOG_KEY}: private, for sidecars; signs as {signer.verifier.name}")
    print(f"{arguments.out / LOG_VKEY}: public, for everyone; {signer.verifier.to_text()}")
    print(f"{arguments.out / SUBJECT_KEY}: private, for services and auditors; makes pseudonyms")
    return 0


def write_keys(origin: str, out: Path) -> Signer:
    """Write the three files durably, private ones with mode 0600, and return the log's signer.

    SettingInvalid when the origin cannot name a log, or when one of the files exists or cannot be written.
    """
    try:
        signer = generate_signer(origin)
    except Malformed as error:
        raise SettingInvalid(f"not a log origin: {error}") from error
    if len(origin.encode()) > _MAX_ORIGIN_BYTES:
        raise SettingInvalid(f"a log origin has at most {_MAX_ORIGIN_BYTES} bytes")
    subject = f"{secrets.token_hex(4)} {base64.b64encode(secrets.token_bytes(32)).decode()}"
    files = (
        (out / LOG_KEY, 0o600, signer.to_text()),
        (out / LOG_VKEY, 0o644, signer.verifier.to_text()),
        (out / SUBJECT_KEY, 0o600, subject),
    )
    for path, _, _ in files:
        if os.path.lexists(path):
            raise SettingInvalid(f"{path} exists and is not replaced; choose another folder, or move it away")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, mode, line in files:
            _write_new(path, mode, f"{line}\n")
        _sync_folder(out)
    except OSError as error:
        raise SettingInvalid(f"cannot write keys to {out}: {error.strerror}") from error
    return signer


def _write_new(path: Path, mode: int, text: str) -> None:
    # Created with its final mode: a key that is readable for a moment has been readable.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
