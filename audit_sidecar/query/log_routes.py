# SPDX-License-Identifier: Apache-2.0
"""The log as C2SP files over HTTP: ``/log/checkpoint`` and ``/log/tile/…``."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath

from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.query.authorise import Connection
from audit_sidecar.query.evidence import Evidence, NotFound
from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.tiles import Bundle, Tile, parse_entries_path, parse_tile_path

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


@get("/log/checkpoint", sync_to_thread=True, media_type="text/plain", summary="Newest checkpoint")
def log_checkpoint(evidence: NamedDependency[Evidence]) -> Response[bytes]:
    """A signed note; it changes every second while the log grows."""
    note = StoreLog(evidence.reader).checkpoint()
    return Response(note, media_type="text/plain", headers={"Cache-Control": "no-cache"})


def _spelled_exactly(connection: Connection, _: BaseRouteHandler) -> None:
    # The router reads doubled and trailing slashes and percent signs as other spellings of one path.
    path = connection.scope["raw_path"].partition(b"?")[0]
    if b"//" in path or b"%" in path or path.endswith(b"/"):
        raise NotFound(f"not the path of a tile: {path[:120]!r}")


@get(
    "/log/tile/{rest:path}",
    guards=[_spelled_exactly],
    sync_to_thread=True,
    media_type="application/octet-stream",
    summary="A tile or entry bundle",
)
def log_tile(evidence: NamedDependency[Evidence], rest: FromPath[str]) -> Response[bytes]:
    """Paths as C2SP tlog-tiles spells them, and no other spelling."""
    part = _parse(f"tile/{rest.removeprefix('/')}")
    log = StoreLog(evidence.reader)
    if isinstance(part, Bundle):
        data = log.entries(part.index, part.width)
    else:
        data = log.tile(part.level, part.index, part.width)
    return Response(data, media_type="application/octet-stream", headers=_IMMUTABLE)


def _parse(path: str) -> Tile | Bundle:
    try:
        return parse_entries_path(path) if path.startswith("tile/entries/") else parse_tile_path(path)
    except Malformed as error:
        raise NotFound(str(error)) from error
