# SPDX-License-Identifier: Apache-2.0
"""The index items that follow from one commit, each with the commit's number. They are made once and never change."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.commit_item import CommitItem
from audit_sidecar.stores.dynamodb.requests import Item
from audit_sidecar.stores.store import Finding
from contracts.leaf import Leaf

_NOTHING = Finding()


class Row(NamedTuple):
    """An index item: its key, and the attributes beside it."""

    pk: str
    sk: str
    values: Item

    def item(self) -> Item:
        """As it is kept."""
        return {**keys.key(self.pk, self.sk), **self.values}


def rows_of(item: CommitItem, findings: Mapping[int, Finding]) -> Iterator[Row]:
    """The rows of a commit, for each of its leaves and for all of them; where streams stand is kept apart."""
    n: Item = {"n": {"N": str(item.n)}}
    start = keys.pad(item.start)
    if item.leaves:
        yield Row(keys.AT, start, n)
    for index, leaf in enumerate(item.leaves, start=item.start):
        yield from _of_leaf(index, leaf, findings.get(index, _NOTHING).subject, n)
    for pk in sorted(_partitions(item)):
        yield Row(pk, start, n)
    for gap in item.gaps:
        ends = {**n, "first": {"N": str(gap.first)}, "last": {"N": str(gap.last)}}
        yield Row(keys.gaps(gap.stream), keys.pad(gap.leaf_index), ends)
    for level, position, hash_ in item.subtrees:
        yield Row(keys.tiles(level, position), keys.pad(position), {**n, "hash": {"B": hash_}})


def _of_leaf(index: int, leaf: Leaf, subject: str | None, n: Item) -> Iterator[Row]:
    place = keys.pad(index)
    yield Row(keys.by_trace(leaf.trace), keys.ids(leaf.span, leaf.seq) + place, n)
    if leaf.id is not None and leaf.id != leaf.trace:
        yield Row(keys.by_request(leaf.id), place, n)
    if subject is not None:
        yield Row(keys.by_subject(subject), place, n)
    if leaf.seq == 0 and leaf.stream is not None:
        listed: Item = {**n, "stream": {"S": leaf.stream.hex()}}
        yield Row(keys.STREAMS, f"{keys.pad(leaf.time)}#{leaf.stream.hex()}", listed)


def _partitions(item: CommitItem) -> set[str]:
    """Where a commit with leaves stands as a whole: under kinds, streams and models."""
    kinds = {keys.by_kind(leaf.kind) for leaf in item.leaves if leaf.kind not in keys.EVERYWHERE}
    streams = {keys.sent(leaf.stream) for leaf in item.leaves if leaf.stream is not None}
    return kinds | streams | {keys.by_model(state.model_id) for state in item.streams if state.model_id is not None}
