# SPDX-License-Identifier: Apache-2.0
"""An archive in an S3 bucket. Final objects are locked in COMPLIANCE mode, each with a retention of its own.

A lock belongs to a version: a delete only hides it and a later put only covers it, so what counts is the version that
was written first. A put of a final object demands that nothing is there (`If-None-Match: *`); where a store ignores
that, the first version still decides.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from audit_sidecar.archive.destination import ArchiveAway, ArchiveDiffers
from contracts.errors import SettingInvalid

Answer = TypeVar("Answer")

DEFAULT_DAYS: Final = 3650
MOST_DAYS: Final = 36_500
"""A hundred years, the longest retention that S3 takes."""
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"})
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})


class S3Archive:
    """Objects below a prefix of a bucket that has versions and Object Lock; `require_lock` asks."""

    def __init__(self, client: Any, bucket: str, prefix: str, days: int, now: Callable[[], dt.datetime]) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._days = days
        self._now = now

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def put_once(self, path: str, data: bytes, *, lock: bool) -> None:
        """As the Protocol says; a locked object cannot be removed by anyone for the archive's days."""
        retention = {}
        if lock:
            until = self._now() + dt.timedelta(days=self._days)
            retention = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        try:
            self._call("put_object", Key=self._key(path), Body=data, IfNoneMatch="*", **_checksum(data), **retention)
        except _Exists:
            self._require_first(path, data)

    def replace(self, path: str, data: bytes) -> None:
        """As the Protocol says; older versions stay in the bucket."""
        self._call("put_object", Key=self._key(path), Body=data, **_checksum(data))

    def first(self, path: str) -> bytes | None:
        """As the Protocol says: the oldest version of exactly this key, hidden or not."""
        key = self._key(path)
        versions = [version for version in self._versions(key) if version["Key"] == key]
        if not versions:
            return None
        # Versions come newest first; times have seconds only, so the order of the listing decides.
        return self._get(key, versions[-1]["VersionId"])

    def newest(self, path: str) -> bytes | None:
        """As the Protocol says."""
        return self._get(self._key(path), None)

    def names(self, prefix: str, after: str = "") -> list[str]:
        """As the Protocol says: every key that has a version, even where a delete marker hides it."""
        keys = {version["Key"] for version in self._versions(self._key(prefix), self._key(after) if after else None)}
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def require_lock(self) -> None:
        """SettingInvalid unless the bucket keeps versions and locks objects."""
        try:
            answer = self._call("get_object_lock_configuration")
        except _Refused as error:
            raise SettingInvalid(f"{self}: the bucket has no Object Lock ({error}); make one that has") from error
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise SettingInvalid(f"{self}: Object Lock is not enabled on the bucket; make one that has it")

    def _require_first(self, path: str, data: bytes) -> None:
        if self.first(path) != data:
            raise ArchiveDiffers(
                f"{self}/{path} is not what this log has there: keep that archive, it is evidence; name another place"
            )

    def _versions(self, prefix: str, after: str | None = None) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {} if after is None else {"KeyMarker": after}
        while True:
            answer = self._call("list_object_versions", Prefix=prefix, **more)
            yield from answer.get("Versions", ())
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer.get("NextVersionIdMarker", "")}

    def _get(self, key: str, version: str | None) -> bytes | None:
        try:
            answer = self._call("get_object", Key=key, **({} if version is None else {"VersionId": version}))
            data: bytes = answer["Body"].read()
        except _Missing:
            return None
        except (BotoCoreError, OSError) as error:
            raise ArchiveAway(f"{self} cannot be read now: {error}") from error
        return data

    def _key(self, path: str) -> str:
        return f"{self._prefix}{path}"

    def _call(self, name: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, name)(Bucket=self._bucket, **arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _EXISTS:
                raise _Exists(str(error)) from error
            if code in _MISSING:
                raise _Missing(str(error)) from error
            raise _Refused(f"{self} refuses {name}: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise ArchiveAway(f"{self} cannot be reached now: {error}") from error


class _Refused(ArchiveAway):
    """The store answered, and not with what was asked for."""


class _Exists(_Refused):
    """Something lies there already."""


class _Missing(_Refused):
    """Nothing lies there."""


def open_s3(url: str, now: Callable[[], dt.datetime]) -> S3Archive:
    """The archive at ``s3://bucket/prefix?region=R&days=N``; credentials are botocore's to find.

    SettingInvalid for a URL that names none. Nothing is asked of the bucket yet.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    days = options.pop("days", str(DEFAULT_DAYS))
    region = options.pop("region", None)
    if not parts.netloc or options or not days.isdecimal() or not 1 <= int(days) <= MOST_DAYS:
        raise SettingInvalid(f"{url} names no archive; write s3://bucket/prefix?region=eu-west-1&days={DEFAULT_DAYS}")
    prefix = parts.path.strip("/")
    # One attempt and short waits: a round that fails is begun again, and must not hang meanwhile.
    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=20)
    try:
        client = get_session().create_client("s3", region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise SettingInvalid(f"{url}: {error}; set region and credentials as for any AWS program") from error
    return S3Archive(client, parts.netloc, f"{prefix}/" if prefix else "", int(days), now)


def _checksum(data: bytes) -> dict[str, str]:
    return {"ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")}
