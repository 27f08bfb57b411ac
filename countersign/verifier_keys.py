# SPDX-License-Identifier: Apache-2.0
"""Read what every verifying command takes as ``--key``: a file of verifier-key lines, or one such line."""

from pathlib import Path

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.keys import Verifier, read_verifiers
from contracts.errors import SettingInvalid

HELP = "log.vkey, or one verifier-key line"


def load_verifiers(argument: str) -> tuple[Verifier, ...]:
    """Return the keys; SettingInvalid when there is no such file or it holds anything else."""
    path = Path(argument)
    if argument.count("+") >= 2 and not path.exists():
        return _read(argument.encode("utf-8", "surrogateescape"), "--key")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"cannot read the verifier keys in {argument}: {error.strerror}") from error
    return _read(data, argument)


def _read(data: bytes, source: str) -> tuple[Verifier, ...]:
    if data.startswith(b"PRIVATE+KEY+"):
        raise SettingInvalid(f"{source} is a private key; verifying takes the verifier key, usually log.vkey beside it")
    try:
        return read_verifiers(data)
    except Malformed as error:
        raise SettingInvalid(f"{source}: {error}") from error
