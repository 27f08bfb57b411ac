# SPDX-License-Identifier: Apache-2.0
"""Choose the reader for a log in C2SP files: a folder, the http URL that they lie under, or an archive in a bucket."""

from pathlib import Path

from audit_sidecar.fsck.folder import FolderLog
from audit_sidecar.fsck.http import HttpLog
from audit_sidecar.fsck.reader import LogReader, LogUnreadable


def open_log(location: str, token: str | None = None) -> LogReader:
    """Return the reader, which shows ``token`` to a web server; LogUnreadable for what is no place of files."""
    scheme, separator, _ = location.partition("://")
    if not separator:
        return FolderLog(Path(location))
    if scheme in ("http", "https"):
        return HttpLog(location, token=token)
    if scheme == "s3":
        # Only here, so that a log in files can be checked where no AWS library is installed.
        from audit_sidecar.archive.location import open_archive
        from audit_sidecar.archive.log_reader import ArchiveLog

        return ArchiveLog(open_archive(location))
    raise LogUnreadable(f"{scheme}:// is no place for a log in files: give a folder, an http URL or s3://bucket/prefix")
