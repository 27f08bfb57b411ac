# SPDX-License-Identifier: Apache-2.0
"""The index items that follow from a segment of the log, and from a block of segments. They are made once.

Each has the number of the last commit that it is of.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from audit_sidecar.stores.dynamodb import index_keys as keys
from audit_sidecar.stores.dynamodb.packed import (
    Identified,
    OfSubject,
    digest_of_id,
    digest_of_subject,
    pack_identified,
    pack_offsets,
    pack_subjects,
)
from audit_sidecar.stores.dynamodb.requests import Item
from audit_sidecar.stores.dynamodb.segments import Segment
from audit_sidecar.stores.store import Finding
from contracts.leaf import Leaf

_LEAVES_OF_ITEM: Final = 32_768
_NOTHING: Final = Finding()


class Row(NamedTuple):
    """An index item: its key, and the attributes beside it."""

    pk: str
    sk: str
    values: Item

    def item(self) -> Item:
        """As it is kept."""
        return {**keys.key(self.pk, self.sk), **self.values}


def rows_of(segment: Segment, findings: Mapping[int, Finding]) -> Iterator[Row]:
    """The rows of a segment; where streams stand is kept apart."""
    n: Item = {"n": {"N": str(segment.last.n)}}
    starts = pack_offsets(item.start - segment.first.start for item in segment.items)
    yield Row(keys.AT, segment.place, {**n, "starts": {"B": starts}})
    for pk, entries in sorted(_identified(segment).items()):
        yield Row(pk, segment.place, {**n, "ids": {"B": pack_identified(entries)}})
    for pk, offsets in sorted(_named(segment).items()):
        yield Row(pk, segment.place, {**n, "commits": {"B": pack_offsets(offsets)}})
    yield from subject_rows(segment.place, segment.last.n, subjects_of(segment, findings), keys.SEGMENT_BITS)
    for item in segment.items:
        for index, leaf in enumerate(item.leaves, start=item.start):
            yield from _of_leaf(index, leaf, findings.get(index, _NOTHING), n)
        for gap in item.gaps:
            ends = {**n, "first": {"N": str(gap.first)}, "last": {"N": str(gap.last)}}
            yield Row(keys.gaps(gap.stream), keys.pad(gap.leaf_index), ends)
        for level, position, hash_ in item.subtrees:
            yield Row(keys.tiles(level, position), keys.pad(position), {**n, "hash": {"B": hash_}})


def subjects_of(segment: Segment, findings: Mapping[int, Finding]) -> list[OfSubject]:
    """Every leaf with a subject, counted from the segment's first."""
    start = segment.first.start
    return [
        OfSubject(digest_of_subject(finding.subject), index - start)
        for index, finding in sorted(findings.items())
        if finding.subject is not None
    ]


def subject_rows(place: str, last: int, entries: Iterable[OfSubject], bits: int) -> Iterator[Row]:
    """Leaves by subject, in as many partitions as so many bits of a digest tell apart."""
    found: dict[tuple[str, int], list[OfSubject]] = defaultdict(list)
    for entry in entries:
        # One subject may have all the leaves there are, and an item ends at 400 KB.
        found[keys.by_subject(entry.digest, bits), entry.leaf // _LEAVES_OF_ITEM].append(entry)
    for (pk, part), alike in sorted(found.items()):
        yield Row(pk, keys.part_of(place, part), {"n": {"N": str(last)}, "found": {"B": pack_subjects(alike)}})


def _identified(segment: Segment) -> dict[str, list[Identified]]:
    found: dict[str, list[Identified]] = defaultdict(list)
    for offset, item in enumerate(segment.items):
        for leaf in item.leaves:
            for id_ in {leaf.trace, leaf.id} - {None} if leaf.kind != "span" else ():
                if id_ is not None:
                    found[keys.by_id(id_)].append(Identified(offset, digest_of_id(id_)))
    return found


def _named(segment: Segment) -> dict[str, list[int]]:
    """Where commits stand as a whole: under kinds, streams and models."""
    found: dict[str, list[int]] = defaultdict(list)
    for offset, item in enumerate(segment.items):
        names = {keys.by_kind(leaf.kind) for leaf in item.leaves if leaf.kind not in keys.EVERYWHERE}
        names |= {keys.sent(leaf.stream) for leaf in item.leaves if leaf.stream is not None}
        names |= {keys.by_model(state.model_id) for state in item.streams if state.model_id is not None}
        for name in names:
            found[name].append(offset)
    return found


def _of_leaf(index: int, leaf: Leaf, finding: Finding, n: Item) -> Iterator[Row]:
    if leaf.kind == "span":
        sk = keys.span(leaf.span, index if finding.conflict else None)
        yield Row(keys.spans(leaf.trace), sk, {**n, "leaf": {"N": str(index)}})
    elif leaf.seq == 0 and leaf.stream is not None:
        listed: Item = {**n, "stream": {"S": leaf.stream.hex()}}
        yield Row(keys.STREAMS, f"{keys.pad(leaf.time)}#{leaf.stream.hex()}", listed)
