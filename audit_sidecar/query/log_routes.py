# SPDX-License-Identifier: Apache-2.0
"""The log as C2SP files over HTTP: ``/log/checkpoint`` and ``/log/tile/…``."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from audit_sidecar.publish.store_log import StoreLog
from audit_sidecar.query.evidence import Evidence
from audit_sidecar.tlog.tiles import parse_entries_path, parse_tile_path

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


@get("/log/checkpoint", sync_to_thread=True, summary="Newest checkpoint")
def log_checkpoint(evidence: NamedDependency[Evidence]) -> Response[bytes]:
    """A signed note; it changes every second while the log grows."""
    note = StoreLog(evidence.reader).checkpoint()
    return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


@get("/log/tile/{rest:path}", sync_to_thread=True, summary="A tile or entry bundle")
def log_tile(evidence: NamedDependency[Evidence], rest: FromPath[str]) -> Response[bytes]:
    """Paths as C2SP tlog-tiles spells them, and no other spelling."""
    path = f"tile/{rest.removeprefix('/')}"
    log = StoreLog(evidence.reader)
    if path.startswith("tile/entries/"):
        bundle = parse_entries_path(path)
        data = log.entries(bundle.index, bundle.width)
    else:
        tile = parse_tile_path(path)
        data = log.tile(tile.level, tile.index, tile.width)
    return Response(data, media_type="application/octet-stream", headers=_IMMUTABLE)
