# SPDX-License-Identifier: Apache-2.0
"""Read a bearer token from a file, so that it never stands on a command line or in a setting."""

from pathlib import Path

from contracts.errors import SettingInvalid


def read_bearer(path: Path) -> str:
    """The token in a file; SettingInvalid when it cannot be read or could not stand in a header."""
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"cannot read token file {path}: {error}") from error
    if not token or not token.isprintable() or " " in token:
        raise SettingInvalid(f"token file {path}: want one token on one line; make one with 'countersign token'")
    return token
