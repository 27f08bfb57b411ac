# SPDX-License-Identifier: Apache-2.0
"""The whole service inside a test, but for the sockets of its own listeners."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from contracts.settings import load_settings
from service.errors import EvidenceFatal
from service.prepared import prepare
from service.server import compose
from service.settings import ServiceSettings
from service.web.app import Parts, build_app
from tests.service.fake_sidecar import FakeSidecar


class Service(NamedTuple):
    """``exporting`` is the task of the evidence stream; `closed` ends it as a drain does."""

    client: httpx.AsyncClient
    parts: Parts
    exporting: "asyncio.Task[None]"

    async def closed(self) -> None:
        """Write the `end` record and wait until it is acknowledged."""
        self.parts.exporter.close()
        async with asyncio.timeout(10):
            await self.exporting


def write_subject_key(folder: Path) -> Path:
    path = folder / "subject.key"
    path.write_text(f"k1 {base64.b64encode(b'k' * 32).decode()}\n")
    return path


@asynccontextmanager
async def running(
    bundle: Path,
    sidecar: FakeSidecar,
    started: bool = True,
    keys: Path | None = None,
    clock: Callable[[], float] = time.time,
    **overrides: Any,
) -> AsyncIterator[Service]:
    """A service of ``bundle``; ``keys`` is a folder to write in, ``overrides`` are settings with ``__`` for a dot."""
    settings: dict[str, Any] = {
        "bundle": str(bundle),
        "subject_key": str(write_subject_key(keys or bundle)),
        "evidence.url": sidecar.url,
    }
    settings.update({name.replace("__", "."): value for name, value in overrides.items()})
    parts = compose(prepare(load_settings(ServiceSettings, {}, None, settings), "0.0.1"), clock)
    exporting = asyncio.create_task(parts.exporter.run())
    try:
        if started:
            async with asyncio.timeout(10):
                await parts.exporter.started.wait()
        transport = httpx.ASGITransport(app=build_app(parts))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield Service(client, parts, exporting)
    finally:
        exporting.cancel()
        with suppress(asyncio.CancelledError, EvidenceFatal):
            await exporting
        if parts.telemetry is not None:
            parts.telemetry.close(10)
