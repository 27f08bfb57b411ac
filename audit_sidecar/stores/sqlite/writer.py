# SPDX-License-Identifier: Apache-2.0
"""Append to the log in SQLite: one transaction per commit, one writing process, held by a lock beside the file."""

import fcntl
import os
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import apsw

from audit_sidecar.errors import Fatal, StoreRefused
from audit_sidecar.stores.kept_span import SpanKeeper
from audit_sidecar.stores.row_values import HALF, KIND_NUMBER, context_digest, signed
from audit_sidecar.stores.sqlite.connection import open_writer, transaction
from audit_sidecar.stores.sqlite.page_cache import write_anew
from audit_sidecar.stores.sqlite.rows import subject_key
from audit_sidecar.stores.store import Commit, SignedCheckpoint, StreamState
from contracts import semconv
from contracts.payload import PayloadContext

_CACHED = 4096


class SqliteWriter:
    """`StoreWriter` over a store file. Use from one thread; a second writer is refused when it opens."""

    def __init__(self, path: Path) -> None:
        # The lock stands beside the store, not in it: the command line reads a live store.
        self._lock = _take_lock(path)
        try:
            write_anew(path)
            self._connection = open_writer(path)
        except StoreRefused:
            os.close(self._lock)
            raise
        self._path = path
        self._file = _identify(path)
        self._contexts: dict[bytes, int] = {}
        self._digested: tuple[PayloadContext | None, bytes] = None, b""
        self._spans = SpanKeeper()

    def turn(self) -> AbstractContextManager[None]:
        """Always this writer's: the lock beside the file keeps everybody else out."""
        return nullcontext()

    def lead(self) -> bool:
        """The one writer is the one publisher."""
        return True

    def commit(self, commit: Commit) -> None:
        """Append durably, if the log still has ``old_size`` leaves."""
        # Numbers given to new contexts hold only if the transaction does.
        contexts = dict(self._contexts) if len(self._contexts) < _CACHED else {}
        with transaction(self._connection):
            self._move_head(commit)
            streams = {s.stream: self._put_stream(s, self._context(s.context, contexts)) for s in commit.streams}
            self._put_records(commit, streams, contexts)
            self._many("INSERT INTO subtree VALUES (?, ?, ?)", [tuple(s) for s in commit.subtrees])
            self._many("INSERT INTO gap VALUES (?, ?, ?, ?)", [tuple(g) for g in commit.gaps])
        self._require_in_place()
        self._contexts = contexts

    def put_checkpoint(self, checkpoint: SignedCheckpoint) -> None:
        """Persist a checkpoint; Fatal when a larger one, or another root for this size, was signed before."""
        with transaction(self._connection):
            rows = list(self._connection.execute("SELECT size, root FROM checkpoint"))
            if rows and (
                rows[0][0] > checkpoint.size or (rows[0][0] == checkpoint.size and rows[0][1] != checkpoint.root)
            ):
                raise Fatal(
                    f"a checkpoint of size {rows[0][0]} with root {rows[0][1].hex()} was signed before; "
                    f"size {checkpoint.size} with root {checkpoint.root.hex()} must not be"
                )
            self._connection.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?, ?)", tuple(checkpoint))
        self._require_in_place()

    def close(self) -> None:
        """Release the store to the next writer, with its write-ahead log folded in."""
        # So that a stopped store is one file to copy. Readers may hold it open, hence not left to closing; when one is
        # in the middle of a read, the log stays beside the file and the next writer takes it up.
        with suppress(apsw.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        os.close(self._lock)

    def _require_in_place(self) -> None:
        # Asked after the commit: a file that was replaced meanwhile took the commit with it, and nobody will find it.
        if _identify(self._path) != self._file:
            raise Fatal(f"{self._path} was moved, removed or replaced under this sidecar; nothing more is acknowledged")

    def _move_head(self, commit: Commit) -> None:
        # First, so that two plans made for the same head can never both append.
        self._connection.execute(
            "UPDATE log SET size = ?, frontier = ? WHERE id = 1 AND size = ?",
            (commit.frontier.size, commit.frontier.to_bytes(), commit.old_size),
        )
        if self._connection.changes() != 1:
            raise Fatal(f"the log no longer has {commit.old_size} leaves: somebody else appended to it")

    def _put_stream(self, state: StreamState, context: int) -> int:
        rows = self._connection.execute(
            "INSERT INTO stream (uuid, producer, release, context, model_id, model_version, next_seq, first_time,"
            " last_time, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (uuid) DO UPDATE SET next_seq = excluded.next_seq, last_time = excluded.last_time,"
            " ended = excluded.ended RETURNING id",
            (
                state.stream, state.producer, state.release, context, state.model_id, state.model_version,
                state.next_seq, signed(state.first_time), signed(state.last_time), state.ended,
            ),
        )  # fmt: skip
        return int(next(iter(rows))[0])

    def _put_records(self, commit: Commit, streams: dict[bytes, int], contexts: dict[bytes, int]) -> None:
        leaves: list[tuple[Any, ...]] = []
        payloads: list[tuple[Any, ...]] = []
        conflicts: list[tuple[int]] = []
        pack = self._spans.pack
        last, number = None, 0
        for index, record in enumerate(commit.records, start=commit.old_size):
            leaf, leaf_hash, salt, payload, finding, text, places = record
            commitment, kind, span_id, time, trace, about, _, seq, stream = leaf
            if kind in semconv.REQUEST_KINDS:
                about = None
            place = None if stream is None else streams[stream]
            leaves.append(
                (index, leaf_hash, commitment, KIND_NUMBER[kind], trace, span_id, time - HALF, place, seq, about)
            )
            context, span = payload
            if context is not last:
                last, number = context, self._context(context, contexts)
            subject, label, score, conflict = finding
            kept = pack(span, leaf, finding, text, places)
            payloads.append((index, number, salt, subject_key(subject), label, score, *kept))
            if conflict:
                conflicts.append((index,))
        self._many("INSERT INTO leaf VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", leaves)
        self._many("INSERT INTO payload VALUES (?, ?, ?, ?, ?, ?, ?, ?)", payloads)
        self._many("INSERT INTO conflict VALUES (?)", conflicts)

    def _context(self, context: PayloadContext, contexts: dict[bytes, int]) -> int:
        if context != self._digested[0]:  # most commits are of the same one as the last
            self._digested = context, context_digest(context)
        digest = self._digested[1]
        if digest not in contexts:
            rows = list(self._connection.execute("SELECT id FROM context WHERE digest = ?", (digest,)))
            if not rows:
                query = "INSERT INTO context (digest, resource, scope, scope_schema_url, resource_schema_url)"
                rows = list(
                    self._connection.execute(f"{query} VALUES (?, ?, ?, ?, ?) RETURNING id", (digest, *context))
                )
            contexts[digest] = rows[0][0]
        return contexts[digest]

    def _many(self, query: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.executemany(query, rows)


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Fatal(f"the store {path} cannot be found any more: {error.strerror}") from error
    return found.st_dev, found.st_ino


def _take_lock(path: Path) -> int:
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreRefused(f"cannot make the lock file {lock}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreRefused(f"another sidecar writes to {path}; stop it first, one store has one writer") from error
    return descriptor
