# SPDX-License-Identifier: Apache-2.0
"""Choose the destination that a setting names: a folder or ``s3://bucket/prefix``."""

import datetime as dt
from pathlib import Path

from audit_sidecar.archive.destination import Destination
from audit_sidecar.archive.folder import FolderArchive
from contracts.errors import SettingInvalid


def open_archive(location: str) -> Destination:
    """The destination; SettingInvalid for neither, or where the libraries for it are not installed."""
    scheme, separator, _ = location.partition("://")
    if not separator:
        return FolderArchive(Path(location))
    if scheme != "s3":
        raise SettingInvalid(f"{scheme}:// is no place for an archive: give a folder or s3://bucket/prefix")
    try:
        from audit_sidecar.archive.s3 import open_s3
    except ImportError as error:
        raise SettingInvalid(
            f"{location} needs the AWS libraries, which are not installed ({error.name}): install countersign[aws]"
        ) from error
    return open_s3(location, lambda: dt.datetime.now(dt.UTC))
