# SPDX-License-Identifier: Apache-2.0
"""``countersign keygen``: write ``log.key``, ``log.vkey`` and ``subject.key``, or add a key to those there are.

No existing key is ever replaced: a replaced log key would make a log unverifiable, a replaced subject key would make
its subjects unfindable.
"""

import argparse
import os
from pathlib import Path
from typing import Final

from audit_sidecar.durable_file import sync_folder
from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.keys import Verifier, require_name
from contracts.errors import SettingInvalid
from countersign.rotation import new_log_key, new_subject_key, rotate_log_key, rotate_subject_key, subject_key_line

LOG_KEY: Final = "log.key"
LOG_VKEY: Final = "log.vkey"
SUBJECT_KEY: Final = "subject.key"

_MAX_ORIGIN_BYTES = 255  # acknowledgements and cosignatures carry its length in one byte


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--origin", metavar="NAME", help="make keys of a new log of this name: audit.example.com/prod")
    what.add_argument("--rotate-log", metavar="DIR", type=Path, help="add a log key in front of those in DIR")
    what.add_argument("--rotate-subject", metavar="DIR", type=Path, help="add a subject key in front of those in DIR")
    parser.add_argument("--out", metavar="DIR", type=Path, help="with --origin: folder for the three files")
    parser.add_argument(
        "--kms", metavar="ARN", help="the log key is this one in AWS KMS (ECC_NIST_EDWARDS25519), not one in a file"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the keys and say where; the exit code."""
    if (arguments.out is None) is not (arguments.origin is None):
        raise SettingInvalid("--out names the folder of a new log's keys: it goes with --origin, and only with it")
    if arguments.rotate_log is not None:
        return _rotate_log(arguments.rotate_log, arguments.kms)
    if arguments.rotate_subject is not None:
        return _rotate_subject(arguments.rotate_subject)
    verifier = write_keys(arguments.origin, arguments.out, arguments.kms)
    kept = "private" if arguments.kms is None else "names the key in KMS"
    print(f"{arguments.out / LOG_KEY}: {kept}, for sidecars; signs as {verifier.name}")
    print(f"{arguments.out / LOG_VKEY}: public, for everyone; {verifier.to_text()}")
    print(f"{arguments.out / SUBJECT_KEY}: private, for services and auditors; makes pseudonyms")
    return 0


def _rotate_log(folder: Path, kms: str | None) -> int:
    fresh, *others = rotate_log_key(folder / LOG_KEY, folder / LOG_VKEY, kms)
    print(f"{folder / LOG_KEY}: the new key {fresh.key_id.hex()} is first; every key in it signs")
    print(f"{folder / LOG_VKEY}: {fresh.to_text()} is added; give the file to everyone who verifies")
    print("Restart the sidecar: its log then names its keys, and each signs.")
    print(
        f"After 30 days, when everyone has the new {LOG_VKEY}, remove the old line from {LOG_KEY} and restart it again."
    )
    print(f"{LOG_VKEY} keeps the line of {others[0].key_id.hex()} as long as anyone holds what that key alone signed.")
    return 0


def _rotate_subject(folder: Path) -> int:
    fresh, *others = rotate_subject_key(folder / SUBJECT_KEY)
    print(f"{folder / SUBJECT_KEY}: the new key {fresh} is first; pseudonyms are made with it")
    print("Restart the service, and give the file to auditors: a customer is searched under every key in it.")
    print(f"The line of {others[0]} may be removed when the last record made with it is past retention, not before.")
    return 0


def write_keys(origin: str, out: Path, kms: str | None = None) -> Verifier:
    """Write the three files durably, private ones with mode 0600, and return the log's public key.

    SettingInvalid when the origin cannot name a log, when the key in KMS signs no logs, or when one of the files
    exists or cannot be written.
    """
    try:
        require_name(origin)
        line, verifier = new_log_key(origin, kms)
    except Malformed as error:
        raise SettingInvalid(f"not a log origin: {error}") from error
    if len(origin.encode()) > _MAX_ORIGIN_BYTES:
        raise SettingInvalid(f"a log origin has at most {_MAX_ORIGIN_BYTES} bytes")
    subject = subject_key_line(new_subject_key())
    files = (
        (out / LOG_KEY, 0o600, line),
        (out / LOG_VKEY, 0o644, verifier.to_text()),
        (out / SUBJECT_KEY, 0o600, subject),
    )
    for path, _, _ in files:
        if os.path.lexists(path):
            raise SettingInvalid(f"{path} exists and is not replaced; choose another folder, or move it away")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, mode, line in files:
            _write_new(path, mode, f"{line}\n")
        sync_folder(out)
    except OSError as error:
        raise SettingInvalid(f"cannot write keys to {out}: {error.strerror}") from error
    return verifier


def _write_new(path: Path, mode: int, text: str) -> None:
    # Created with its final mode: a key that is readable for a moment has been readable.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
