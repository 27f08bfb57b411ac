# SPDX-License-Identifier: Apache-2.0
"""Read a C2SP log from a web server with nothing but the standard library; the server is not trusted.

Only 404 and 410 mean that a file is missing. Object stores answer 403 for a missing object to whoever may not list
the bucket, and calling that missing would turn a lack of permission into a verdict about the log.
"""

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Final

from audit_sidecar.fsck.reader import MAX_FILE_BYTES, LogUnreadable, MissingFile
from audit_sidecar.tlog.tiles import entries_path, tile_path

TIMEOUT_SECONDS: Final = 30.0
_MISSING = (404, 410)


class HttpLog:
    """The log whose files lie under this ``http://`` or ``https://`` prefix."""

    def __init__(self, prefix: str, timeout: float = TIMEOUT_SECONDS, token: str | None = None) -> None:
        if not prefix.startswith(("http://", "https://")):
            raise LogUnreadable(f"not an http URL of a log: {prefix}")
        self._prefix = prefix.rstrip("/")
        self._timeout = timeout
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def checkpoint(self) -> bytes:
        """Return the checkpoint note; without one there is no log at the prefix."""
        try:
            return self._read("checkpoint")
        except MissingFile as error:
            raise LogUnreadable(f"there is no log at {self._prefix}: it has no 'checkpoint'") from error

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the tile of exactly this width."""
        return self._read(tile_path(level, index, width))

    def entries(self, index: int, width: int) -> bytes:
        """Return the entry bundle of exactly this width."""
        return self._read(entries_path(index, width))

    def _read(self, path: str) -> bytes:
        url = f"{self._prefix}/{path}"
        try:
            # The constructor let only http and https through.
            request = urllib.request.Request(url, headers=self._headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                data: bytes = response.read(MAX_FILE_BYTES + 1)
                return data
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _MISSING:
                raise MissingFile(path) from error
            raise LogUnreadable(f"{url} answers {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise LogUnreadable(f"cannot fetch {url}: {error}") from error
