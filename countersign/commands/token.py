# SPDX-License-Identifier: Apache-2.0
"""``countersign token``: make a bearer token, print it once, and store its hash.

The token file is replaced in one step and stays valid at every moment; what stood in it stays as it was. Servers read
it when they start.
"""

import argparse
import fcntl
import json
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from contracts.errors import SettingInvalid
from contracts.tokens import RESERVED_NAMES, ROLES, load_tokens, token_hash

_PREFIX: Final = "countersign_"
_SECRET_BYTES: Final = 32
_MOST_DAYS: Final = 36_500
_LONGEST_NAME: Final = 128


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="who will hold it; records name it as the caller")
    parser.add_argument(
        "--role", metavar="R", action="append", required=True, choices=ROLES, help=f"{', '.join(ROLES)}; may repeat"
    )
    parser.add_argument("--days", type=int, metavar="N", help="expire after N days; otherwise it does not")
    parser.add_argument("--tokens", metavar="FILE", type=Path, required=True, help="file of hashes to add it to")


def run(arguments: argparse.Namespace) -> int:
    """Make the token; it is the only thing on stdout, so that it can be piped."""
    expires = None
    if arguments.days is not None:
        if not 0 < arguments.days <= _MOST_DAYS:
            raise SettingInvalid(f"--days must be 1 to {_MOST_DAYS}")
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=arguments.days)
    print(make_token(arguments.tokens, arguments.name, arguments.role, expires))
    return 0


def make_token(path: Path, name: str, roles: Sequence[str], expires: datetime | None = None) -> str:
    """Add a token to the file, durably, and return it. SettingInvalid when the file or the name is no good."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise SettingInvalid(f"a name is printable text of at most {_LONGEST_NAME} characters")
    if name in RESERVED_NAMES:
        raise SettingInvalid(
            f"the name {name!r} is taken: records carry it for callers without a token; choose another"
        )
    secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    lines = ["[[token]]", f"name = {json.dumps(name, ensure_ascii=False)}", f"roles = {json.dumps(sorted(set(roles)))}"]
    lines.append(f'sha256 = "{token_hash(secret).hex()}"')
    if expires is not None:
        lines.append(f"expires = {expires.isoformat()}")
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SettingInvalid(f"cannot write {path}: {error.strerror}") from error
    try:
        # Two tokens made at once must not overwrite each other.
        fcntl.flock(folder, fcntl.LOCK_EX)
        _append(path, "\n".join([*lines, ""]))
        os.fsync(folder)
    except OSError as error:
        raise SettingInvalid(f"cannot write {path}: {error.strerror}") from error
    finally:
        os.close(folder)
    return secret


def _append(path: Path, entry: str) -> None:
    before = ""
    if path.exists():
        load_tokens(path)
        before = path.read_text("utf-8")
        if before and not before.endswith("\n"):
            before += "\n"
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{before}\n{entry}" if before else entry)
            file.flush()
            os.fsync(file.fileno())
        # What the servers will refuse must not replace what they accept.
        load_tokens(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
