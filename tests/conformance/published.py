# SPDX-License-Identifier: Apache-2.0
"""Logs of given sizes, made as a sidecar makes them: committed to a store, signed by the publisher, exported."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from audit_sidecar.metrics import SidecarMetrics
from audit_sidecar.publish.export_log import export_log
from audit_sidecar.publish.publisher import Publisher
from audit_sidecar.stores.store import StoreReader
from audit_sidecar.stores.url import create_store, open_reader, open_writer
from audit_sidecar.tlog.merkle import Frontier
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Producer, foreign, new_log, stranger

VKEY = SIGNER.verifier.to_text()
SIZES = (0, 1, 2, 255, 256, 257, 513, 70_000)
_GROUP = 500


class Published(NamedTuple):
    """One log: its store, and its C2SP files."""

    size: int
    url: str
    folder: Path

    @property
    def reader(self) -> StoreReader:
        """The store."""
        return open_reader(self.url)


def publish(folder: Path, *sizes: int) -> Published:
    """A log that was published at each of these sizes; the checkpoint of size n is kept as ``checkpoint.n``."""
    folder.mkdir(parents=True, exist_ok=True)
    exported = folder / "log"
    if sizes == (0,):
        return _publish_empty(folder, exported)
    log = new_log(folder)
    producer = Producer()
    ours = (producer.record(seq) for seq in range(sizes[-1]))
    strangers = (foreign(number, trace=number) for number in range(sizes[-1]))
    for size in sizes:
        while missing := size - log.committer.frontier.size:
            # Half of what a log holds came from a producer, half from strangers.
            log.send(producer.send(*islice(ours, min(_GROUP, max(1, missing // 2)))))
            log.send(stranger(*islice(strangers, min(_GROUP, missing // 2))))
        log.publish_now()
        export_log(log.reader, exported)
        shutil.copy(exported / "checkpoint", folder / f"checkpoint.{size}")
    log.writer.close()
    return Published(sizes[-1], log.url, exported)


def _publish_empty(folder: Path, exported: Path) -> Published:
    url = f"sqlite:///{folder / 'store.db'}"
    create_store(url, ORIGIN)
    writer = open_writer(url)
    with ThreadPoolExecutor(1) as thread:
        metrics = SidecarMetrics("0.1.0", lambda: 0.0)
        asyncio.run(Publisher(Frontier, writer, [SIGNER], thread, metrics).publish())
    writer.close()
    export_log(open_reader(url), exported)
    return Published(0, url, exported)


def copy_of(log: Published, folder: Path) -> Path:
    """A copy of the exported files to tamper with."""
    return Path(shutil.copytree(log.folder, folder))


def files(folder: Path) -> Iterator[Path]:
    """Every file of an exported log, relative to its folder."""
    return (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
