# SPDX-License-Identifier: Apache-2.0
"""A witness policy as a file. Needs the standard library and cryptography alone, for verifiers read it too."""

from pathlib import Path

from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.policy import Policy, read_policy
from contracts.errors import SettingInvalid


def load_policy(path: Path) -> Policy:
    """The policy of a file; SettingInvalid names the file and the line."""
    try:
        return read_policy(path.read_bytes())
    except OSError as error:
        raise SettingInvalid(f"cannot read the witness policy {path}: {error.strerror}") from error
    except Malformed as error:
        raise SettingInvalid(f"the witness policy {path}: {error}") from error
