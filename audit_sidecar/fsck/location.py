# SPDX-License-Identifier: Apache-2.0
"""Choose the reader for a log in C2SP files: a folder, or the http URL that they lie under."""

from pathlib import Path

from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.fsck.http import HttpLog
from audit_sidecar.fsck.reader import LogReader, LogUnreadable


def open_log(location: str, token: str | None = None) -> LogReader:
    """Return the reader, which shows ``token`` to a web server; LogUnreadable for neither a folder nor an http URL."""
    scheme, separator, _ = location.partition("://")
    if not separator:
        return FolderLog(Path(location))
    if scheme in ("http", "https"):
        return HttpLog(location, token=token)
    raise LogUnreadable(f"{scheme}:// is no place for a log in files: give a folder or an http URL")
