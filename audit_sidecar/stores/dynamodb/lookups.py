# SPDX-License-Identifier: Apache-2.0
"""What the log has of an id, a subject, a stream: the commits in memory say it of themselves, the index of the others.

The index only narrows down: it names commits, or leaves, of which a few have something else, and every one that it
should. Commits in memory are taken hold of before the index is asked, which may overtake them meanwhile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.ahead import SpanIds
from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem, read_stream
from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.packed import (
    digest_of_id,
    digest_of_subject,
    unpack_identified,
    unpack_offsets,
    unpack_subjects,
)
from audit_sidecar.stores.dynamodb.recent import Recent
from audit_sidecar.stores.dynamodb.requests import Item, Requests
from audit_sidecar.stores.dynamodb.segments import read_place
from audit_sidecar.stores.store import Gap, Search, StreamState

_MOST_KEPT: Final = 500
"""Index items of a partition that are remembered."""


class Lookups:
    """Looks up in one log. Safe for several threads."""

    def __init__(self, requests: Requests, commits: Commits) -> None:
        self._requests = requests
        self._commits = commits
        self._state = requests.location.state

    def traced(self, trace: bytes) -> list[int]:
        """Leaves with this trace id, in order."""
        recent = self._commits.recent()
        found = set(recent.traced(trace))
        if recent.beginning:  # else all of the log is recent
            for item in self._with_id(recent, trace):
                found.update(at for at, leaf in enumerate(item.leaves, item.start) if leaf.trace == trace)
            found.update(map(self._leaf, self._rows(recent, keys.spans(trace))))
        return sorted(found)

    def about(self, request_id: bytes) -> list[int]:
        """Leaves that are, or are about, the prediction of this request id, in order."""
        recent = self._commits.recent()
        found = set(recent.about(request_id))
        if recent.beginning:
            for item in self._with_id(recent, request_id):
                found.update(at for at, leaf in enumerate(item.leaves, item.start) if leaf.id == request_id)
        return sorted(found)

    def identified(self, trace: bytes, span: bytes, seq: int | None, limit: int) -> list[int]:
        """The first leaves with these ids and this sequence number, in order; None = foreign spans."""
        recent = self._commits.recent()
        found = set(recent.identified(trace, span, seq))
        if recent.beginning and seq is None:
            found.update(self._spans(recent, SpanIds(trace, span), limit))
        elif recent.beginning:
            wanted = trace, span, seq
            for item in self._with_id(recent, trace):
                found.update(
                    at for at, leaf in enumerate(item.leaves, item.start) if (leaf.trace, leaf.span, leaf.seq) == wanted
                )
        return sorted(found)[:limit]

    def expect(self, spans: Iterable[SpanIds]) -> None:
        """Look these foreign spans up at once; this thread is told of them without a request."""
        recent = self._commits.recent()
        known = self._commits.remembered(recent).spans
        missing = [ids for ids in dict.fromkeys(spans) if ids not in known]
        if not recent.beginning:  # all of the log is recent
            known |= dict.fromkeys(missing)
            return
        wanted = {(keys.spans(ids.trace), keys.span(ids.span)): ids for ids in missing}
        for item in self._requests.get_many(self._state, [keys.key(*key) for key in wanted]):
            known[wanted.pop((item["pk"]["S"], item["sk"]["S"]))] = item
        known |= dict.fromkeys(wanted.values())

    def is_expected(self, ids: SpanIds) -> bool:
        """Whether `expect` looked this span up for this thread."""
        return ids in self._commits.remembered(self._commits.recent()).spans

    def stream(self, stream: bytes) -> StreamState | None:
        """One stream."""
        recent = self._commits.recent()
        state = recent.stream(stream)
        if state is not None:
            return state
        known = self._commits.remembered(recent).streams if self._commits.planning else {}
        if stream in known:
            return known[stream]
        held = self._requests.get(self._state, keys.key(keys.stream(stream)))
        if held is None:
            self._commits.confirm()
        else:
            self._commits.require_known(int(held["n"]["N"]))
            state = read_stream(bytes(held["state"]["B"]))
        known[stream] = state
        return state

    def streams(self) -> list[StreamState]:
        """Every stream that there is."""
        states = {state.stream: state for state in self._commits.recent().streams()}
        for row in self._partition(keys.STREAMS):
            uuid = bytes.fromhex(row["stream"]["S"])
            if uuid not in states and (state := self.stream(uuid)) is not None:
                states[uuid] = state
        return list(states.values())

    def sent(self, stream: bytes) -> Iterator[CommitItem]:
        """The commits with leaves of a stream, in order."""
        numbers = self._commits.recent().sent(stream)
        for row in self._partition(keys.sent(stream)):
            numbers.update(_commits_of(row))
        last = self._commits.head.n
        return (self._commits.numbered(n) for n in sorted(numbers) if n <= last)

    def gaps(self, stream: bytes) -> list[Gap]:
        """Every gap recorded for a stream, in order."""
        recent = self._commits.recent().gaps(stream)
        listed = (
            Gap(_number(row), stream, int(row["first"]["N"]), int(row["last"]["N"]))
            for row in self._partition(keys.gaps(stream))
        )
        return sorted({*listed, *recent})

    def subtrees(self, level: int, start: int, stop: int) -> list[bytes]:
        """Subtree roots of positions [start, stop), as many as there are."""
        recent = self._commits.recent()
        found = dict(self._indexed_subtrees(level, start, stop))
        hashes: list[bytes] = []
        for position in range(start, stop):
            hash_ = recent.subtree(level, position) or found.get(position)
            if hash_ is None:
                break
            hashes.append(hash_)
        return hashes

    def backwards(self, search: Search, before: int) -> Iterator[CommitItem]:
        """The commits that may hold a match below a leaf, newest first, none twice."""
        recent = self._commits.recent()
        numbers = self._named(recent, search, before)
        if numbers is None:
            yield from self._commits.backwards(before)
            return
        yield from (item for item in recent.backwards() if item.start < before)
        last = recent.base.n + 1
        for n in numbers:
            if n < last:
                last = n
                yield self._commits.numbered(n)

    def _named(self, recent: Recent, search: Search, before: int) -> Iterator[int] | None:
        """Numbers of commits that the index names, descending; None where it would name nearly every one."""
        if not recent.beginning:
            return iter(())
        if search.subject is not None:
            return self._of_subject(recent, search.subject, before)
        if search.request_id is not None:
            items = self._with_id(recent, search.request_id)
            leaves = map(self._leaf, self._rows(recent, keys.spans(search.request_id)))
            spans = (item.n for leaf in leaves for item in self._commits.covering(leaf, leaf + 1))
            return iter(sorted({*(item.n for item in items), *spans}, reverse=True))
        if search.kind is not None and search.kind not in keys.EVERYWHERE:
            return self._listed(keys.by_kind(search.kind), before)
        return None if search.model is None else self._listed(keys.by_model(search.model), before)

    def _listed(self, pk: str, before: int) -> Iterator[int]:
        for row in self._backwards(pk, before):
            yield from reversed(_commits_of(row))

    def _of_subject(self, recent: Recent, subject: str, before: int) -> Iterator[int]:
        digest = digest_of_subject(subject)
        merged = recent.covered.merged
        leaves = merge(
            self._subject_leaves(digest, keys.SEGMENT_BITS, before, merged + 1, recent.base.n),
            self._subject_leaves(digest, keys.BLOCK_BITS, before, 1, merged),
            reverse=True,
        )
        for leaf in leaves:
            yield from (item.n for item in self._commits.covering(leaf, leaf + 1))

    def _subject_leaves(self, digest: int, bits: int, before: int, first: int, last: int) -> Iterator[int]:
        """Leaves that items name of which the last commit is in this range, descending."""
        for row in self._backwards(keys.by_subject(digest, bits), before):
            n = int(row["n"]["N"])
            if n < first:
                return
            if n <= last:
                start, _ = read_place(row["sk"]["S"])
                found = [start + leaf for of, leaf in unpack_subjects(bytes(row["found"]["B"])) if of == digest]
                yield from (leaf for leaf in reversed(found) if leaf < before)

    def _with_id(self, recent: Recent, id_: bytes) -> Iterator[CommitItem]:
        """Indexed commits that may have this trace or request id."""
        digest = digest_of_id(id_)
        for row in self._rows(recent, keys.by_id(id_)):
            _, first = read_place(row["sk"]["S"])
            for commit, of in unpack_identified(bytes(row["ids"]["B"])):
                if of == digest and first + commit <= recent.base.n:
                    yield self._commits.numbered(first + commit)

    def _spans(self, recent: Recent, ids: SpanIds, limit: int) -> list[int]:
        known = self._commits.remembered(recent).spans
        if ids not in known:
            key = keys.key(keys.spans(ids.trace), keys.span(ids.span))
            found = self._requests.get(self._state, key)
            if self._commits.planning:
                known[ids] = found
        else:
            found = known[ids]
        if found is None:
            return []
        leaves = [self._leaf(found)]
        if limit > 1:  # there is one, so that there may be others
            span = keys.span(ids.span)
            values = {":pk": {"S": keys.spans(ids.trace)}, ":low": {"S": f"{span}#"}, ":high": {"S": f"{span}#~"}}
            condition = "pk = :pk AND sk BETWEEN :low AND :high"
            rows = self._requests.query(self._state, condition, values, pages=False, Limit=limit)
            leaves += map(self._leaf, rows)
        return leaves

    def _leaf(self, row: Item) -> int:
        self._commits.require_known(int(row["n"]["N"]))
        return int(row["leaf"]["N"])

    def _rows(self, recent: Recent, pk: str) -> Sequence[Item]:
        """All of a partition; a turn asks for it once."""
        known = self._commits.remembered(recent).rows if self._commits.planning else {}
        if pk in known:
            return known[pk]
        rows = list(self._partition(pk))
        if len(rows) <= _MOST_KEPT:
            known[pk] = rows
        return rows

    def _partition(self, pk: str) -> Iterator[Item]:
        return self._requests.query(self._state, "pk = :pk", {":pk": {"S": pk}})

    def _backwards(self, pk: str, before: int) -> Iterator[Item]:
        """Items of segments that begin below a leaf, the last one first."""
        values = {":pk": {"S": pk}, ":sk": {"S": keys.pad(before)}}
        return self._requests.query(self._state, "pk = :pk AND sk < :sk", values, ScanIndexForward=False)

    def _indexed_subtrees(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        for low in range(start >> 16, ((stop - 1) >> 16) + 1 if stop > start else 0):
            values = {
                ":pk": {"S": keys.tiles(level, low << 16)},
                ":low": {"S": keys.pad(start)},
                ":high": {"S": keys.pad(stop - 1)},
            }
            found = self._requests.query(self._state, "pk = :pk AND sk BETWEEN :low AND :high", values)
            yield from ((int(item["sk"]["S"]), bytes(item["hash"]["B"])) for item in found)


def _commits_of(row: Item) -> list[int]:
    """Numbers of the commits that an item names, ascending."""
    _, first = read_place(row["sk"]["S"])
    return [first + offset for offset in unpack_offsets(bytes(row["commits"]["B"]))]


def _number(row: Mapping[str, Item]) -> int:
    """The leaf that a sort key is."""
    text = str(row["sk"]["S"])
    if not text.isdecimal():
        raise StoreRefused(f"the index item {row['pk']['S']} {text} names no leaf; run 'countersign audit fsck'")
    return int(text)
