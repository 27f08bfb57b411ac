# SPDX-License-Identifier: Apache-2.0
"""Where the ``audit`` commands read: a store on this machine, or an audit API. Both answer alike."""

import argparse
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from audit_sidecar.query.completeness import Completeness
from audit_sidecar.query.evidence import Evidence, Page, RecordView
from audit_sidecar.query.parameters import Filters, period_of, request_id_of, search_of
from audit_sidecar.stores.url import open_reader
from contracts.bearer import read_bearer
from contracts.errors import CountersignError
from contracts.identifiers import uuid_text
from contracts.receipt import Receipt, parse_receipt

_TIMEOUT_SECONDS = 30
Answer = TypeVar("Answer")


class AuditApiRefused(CountersignError):
    """The audit API could not be reached, or said no."""


class AuditSource(Protocol):
    """What the ``audit`` commands ask."""

    def search(self, filters: Filters, limit: int, cursor: str | None) -> Page:
        """One page, newest first."""

    def show(self, request_id: bytes) -> RecordView:
        """One record whole."""

    def proof(self, request_id: bytes) -> str:
        """Its inclusion proof."""

    def receipt(self, request_id: bytes) -> Receipt:
        """Its receipt."""

    def completeness(self, from_time: str | None, to_time: str | None) -> Completeness:
        """What was sent and what is missing."""


def add_source(parser: argparse.ArgumentParser) -> None:
    """The arguments that name a source."""
    parser.add_argument("source", metavar="STORE-or-URL", help="store URL, or http://host:port of an audit API")
    parser.add_argument("--token", metavar="FILE", type=Path, help="file with a bearer token for the audit API")


def open_source(arguments: argparse.Namespace) -> AuditSource:
    """The source that the arguments name."""
    if arguments.source.startswith(("http://", "https://")):
        return _ApiSource(arguments.source.rstrip("/"), arguments.token)
    return _StoreSource(arguments.source)


class _StoreSource:
    def __init__(self, url: str) -> None:
        self._evidence = Evidence(open_reader(url))

    def search(self, filters: Filters, limit: int, cursor: str | None) -> Page:
        return self._evidence.search(search_of(filters), limit, cursor)

    def show(self, request_id: bytes) -> RecordView:
        return self._evidence.show(request_id)

    def proof(self, request_id: bytes) -> str:
        return self._evidence.proof(request_id)

    def receipt(self, request_id: bytes) -> Receipt:
        return self._evidence.receipt(request_id)

    def completeness(self, from_time: str | None, to_time: str | None) -> Completeness:
        return self._evidence.completeness(*period_of(from_time, to_time))


class _ApiSource:
    def __init__(self, base: str, token: Path | None) -> None:
        self._base = base
        self._headers = {} if token is None else {"Authorization": f"Bearer {read_bearer(token)}"}

    def search(self, filters: Filters, limit: int, cursor: str | None) -> Page:
        named = {"from": filters.from_time, "to": filters.to_time, "limit": limit, "cursor": cursor}
        rest = {name: value for name, value in filters._asdict().items() if name not in ("from_time", "to_time")}
        return _decode(self._get("/api/records", rest | named), Page)

    def show(self, request_id: bytes) -> RecordView:
        return _decode(self._get(f"/api/records/{uuid_text(request_id)}"), RecordView)

    def proof(self, request_id: bytes) -> str:
        return self._get(f"/api/records/{uuid_text(request_id)}/proof").decode()

    def receipt(self, request_id: bytes) -> Receipt:
        return parse_receipt(self._get(f"/api/records/{uuid_text(request_id)}/receipt"))

    def completeness(self, from_time: str | None, to_time: str | None) -> Completeness:
        return _decode(self._get("/api/completeness", {"from": from_time, "to": to_time}), Completeness)

    def _get(self, path: str, query: dict[str, Any] | None = None) -> bytes:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._base + path + (f"?{urllib.parse.urlencode(given)}" if given else "")
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310  (the scheme was checked)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                body = bytes(answer.read())
                if answer.status == 200:
                    return body
                raise AuditApiRefused(f"{self._base} says {answer.status}: {_detail(body)}")
        except urllib.error.HTTPError as error:
            raise AuditApiRefused(f"{self._base} says {error.code}: {_detail(error.read())}") from error
        except (OSError, ValueError) as error:
            raise AuditApiRefused(f"cannot reach {self._base}: {error}") from error


def request_id_argument(text: str) -> bytes:
    """A request id given on the command line."""
    return request_id_of(text)


def _decode(body: bytes, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise AuditApiRefused(f"the answer is not that of an audit API: {error}") from error


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
