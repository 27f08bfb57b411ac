# SPDX-License-Identifier: Apache-2.0
"""fsck finds every field of every kind of item that was changed behind everybody's back, and items that went or came.

Not looked for, for nothing says what they were: who made a commit (sidecars take turns by it), the lease, the time that
is noted beside a checkpoint, and how far the index has come, if it says less than it did.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import zstandard

from audit_sidecar.errors import StoreRefused
from audit_sidecar.fsck.store import check_store
from audit_sidecar.sequence.export import Export
from audit_sidecar.stores.dynamodb import segments
from audit_sidecar.stores.dynamodb.check import class_of
from audit_sidecar.stores.dynamodb.requests import Item
from audit_sidecar.stores.dynamodb.segments import Shape
from audit_sidecar.stores.url import create_store, open_indexer, open_reader
from audit_sidecar.tlog.errors import VerificationError
from tests.audit_sidecar.evidence_log import ORIGIN, SIGNER
from tests.audit_sidecar.producers import Log, Producer, foreign, sidecar_of, stranger
from tests.audit_sidecar.stores.dynamodb_local import DynamoDb
from tests.audit_sidecar.tampering import flip

OURS, OTHER = Producer(1), Producer(2)
EXPORTS: list[Export] = [
    OURS.export(*range(5)),
    OURS.export(8),
    stranger(foreign(1), foreign(1, "other"), foreign(2)),
    OTHER.export(*range(256)),
    OURS.send(OURS.record(9, "withheld", {"countersign.target.id": "0199a3f2-c000-7001-8000-000000000001"})),
]
PLACE = f"{'0' * 20}#{'0' * 19}1"
SIZE = 1 + 5 + 2 + 3 + 256 + 1
UNKNOWABLE = {("log", "by"), ("checkpoint", "time")}
CLASSES = {"at", "id", "span", "subject", "kind", "sent", "streams", "stream", "model", "gap", "tile"}


class Tables:
    """The items of one log, to be changed and put back."""

    def __init__(self, log: Log) -> None:
        self.url = log.url
        requests = log.reader.shared[0]  # type: ignore[attr-defined]
        self.client = requests._client
        self.names = {
            "log": requests.location.log,
            "payload": requests.location.payload,
            "state": requests.location.state,
        }

    def items(self, part: str) -> list[Item]:
        """Every item of a table."""
        found: list[Item] = []
        pages = self.client.get_paginator("scan").paginate(TableName=self.names[part], ConsistentRead=True)
        for page in pages:
            found += page["Items"]
        return sorted(found, key=repr)

    def put(self, part: str, item: Item) -> None:
        """Whatever is there."""
        self.client.put_item(TableName=self.names[part], Item=item)

    def drop(self, part: str, item: Item) -> None:
        """Delete it."""
        names = {"log": ("log", "n"), "payload": ("key",), "state": ("pk", "sk")}[part]
        self.client.delete_item(TableName=self.names[part], Key={name: item[name] for name in names})

    def is_found(self) -> bool:
        """Whether fsck says that something is wrong."""
        try:
            assert check_store(open_reader(self.url), [SIGNER.verifier]).checkpoint.size == SIZE
        except (VerificationError, StoreRefused):
            return True
        return False


@pytest.fixture(scope="module")
def whole(dynamodb_local: DynamoDb) -> Iterator[Tables]:
    """0 the sidecar's release, 1-5 ours, 6 a gap, 7 ours, 8-10 strangers (9 a conflict), 11-266 another's, 267 ours."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "SHAPE", Shape(commits=1, block=2))
        for name, value in dynamodb_local.environment().items():
            patched.setenv(name, value)
        url = dynamodb_local.new_store()
        create_store(url, ORIGIN)
        log = sidecar_of(url)
        for export in EXPORTS:
            log.send(export)
        indexer = open_indexer(url)
        assert indexer is not None
        assert indexer.catch_up().commits == 0
        assert log.check().checkpoint.size == SIZE
        yield Tables(log)
        log.writer.close()


def changed(value: dict[str, Any]) -> dict[str, Any]:
    """Another value of the same type."""
    ((kind, held),) = value.items()
    return {kind: flip(held) if kind == "B" else str(int(held) + 1) if kind == "N" else f"{held}x"}


def test_a_sound_store_is_sound(whole: Tables) -> None:
    """With everything that there is to be changed: each class of index item, a gap, a subtree, a conflict."""
    assert not whole.is_found()
    assert {class_of(item) for item in whole.items("state")} > CLASSES


@pytest.mark.parametrize("part", ["log", "payload", "state"])
def test_every_field_of_every_kind_of_item(whole: Tables, part: str) -> None:
    """Each in turn is changed, and is found; keys are other items, which come and go below."""
    missed = []
    for item in one_of_each(whole, part):
        for name in item.keys() - {"log", "n" if part == "log" else "", "key", "pk", "sk"}:
            kind = part if part != "state" else class_of(item)
            if (kind, name) in UNKNOWABLE or kind == "publisher":
                continue
            whole.put(part, {**item, name: changed(item[name])})
            if not whole.is_found():
                missed.append((kind, name))
            whole.put(part, item)
    assert missed == []
    assert not whole.is_found()


def one_of_each(whole: Tables, part: str) -> list[Item]:
    """Of the index one item of each class, else every item."""
    items = whole.items(part)
    return [*{class_of(item): item for item in items}.values()] if part == "state" else items


@pytest.mark.parametrize("part", ["log", "payload", "state"])
def test_items_that_are_gone(whole: Tables, part: str) -> None:
    """A commit, a blob, any kind of index item."""
    missed = []
    for item in one_of_each(whole, part):
        if part == "state" and class_of(item) in ("publisher", "indexed", "checkpoint"):
            continue
        whole.drop(part, item)
        if not whole.is_found():
            missed.append(item)
        whole.put(part, item)
    assert missed == []


@pytest.mark.parametrize(
    ("part", "item"),
    [
        ("state", {"pk": {"S": "id#0000000000"}, "sk": {"S": PLACE}, "n": {"N": "1"}, "ids": {"B": b"00000"}}),
        ("state", {"pk": {"S": "subject#4#0"}, "sk": {"S": PLACE}, "n": {"N": "1"}, "found": {"B": bytes(8)}}),
        ("state", {"pk": {"S": "stream#" + "0" * 32}, "sk": {"S": "-"}, "n": {"N": "1"}, "state": {"B": b""}}),
        ("state", {"pk": {"S": "stream#text"}, "sk": {"S": "-"}, "n": {"N": "1"}, "state": {"B": b""}}),
        ("state", {"pk": {"S": "nobody"}, "sk": {"S": "-"}}),
        ("state", {"pk": {"S": "indexed"}, "sk": {"S": "-"}, "n": {"N": "99"}}),
    ],
    ids=["id", "subject", "stream", "no stream", "nothing known", "index ahead of the log"],
)
def test_items_that_came(whole: Tables, part: str, item: Item) -> None:
    """Nothing of the log gives them."""
    before = [held for held in whole.items(part) if (held["pk"], held["sk"]) == (item["pk"], item["sk"])]
    whole.put(part, item)
    try:
        assert whole.is_found()
    finally:
        whole.drop(part, item)
        for held in before:
            whole.put(part, held)
    assert not whole.is_found()


def _in(*path: Any) -> Callable[[Any], Any]:
    """Change what stands at a path of lists and mappings, to something else of its type."""

    def change(held: Any, path: tuple[Any, ...] = path) -> Any:
        if path:
            made = dict(held) if isinstance(held, dict) else list(held)
            made[path[0]] = change(made[path[0]], path[1:])
            return made
        if isinstance(held, bytes):
            return flip(held)
        return not held if isinstance(held, bool) else held + 1 if isinstance(held, int) else f"{held}x"

    return change


LEAVES, STREAMS, GAPS, SUBTREES, GROUPS, KINDS = range(6)
BODIES: dict[str, tuple[int, Callable[[Any], Any]]] = {
    **{f"leaf field {at}": (2, _in(LEAVES, 2, at)) for at in range(9)},
    **{f"stream field {at}": (3, _in(STREAMS, 0, at)) for at in (0, 1, 2, 4, 5, 6, 7, 8, 9)},
    "stream's resource": (3, _in(STREAMS, 0, 3, 0)),
    **{f"gap field {at}": (3, _in(GAPS, 0, at)) for at in range(4)},
    **{f"subtree field {at}": (5, _in(SUBTREES, 0, at)) for at in range(3)},
    "count of a group": (2, _in(GROUPS, 0, 0)),
    "part of a group": (2, _in(GROUPS, 0, 1, 0)),
    "count of a kind": (2, _in(KINDS, "prediction")),
    "leaf lost": (2, lambda body: [body[0][:-1], *body[1:]]),
    "stream lost": (2, lambda body: [body[0], [], *body[2:]]),
    "gap lost": (3, lambda body: [*body[:2], [], *body[3:]]),
    "no body": (2, lambda _: []),
    "another thing": (2, lambda _: {"a": 1}),
}


@pytest.mark.parametrize(("n", "change"), BODIES.values(), ids=BODIES.keys())
def test_every_field_inside_a_commit(whole: Tables, n: int, change: Callable[[Any], Any]) -> None:
    """Of an old commit, whose successors go on from what it was."""
    item = next(item for item in whole.items("log") if item["n"]["N"] == str(n))
    body = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(item["body"]["B"]))
    made = msgspec.msgpack.encode(change(body))
    assert made != msgspec.msgpack.encode(body)
    whole.put("log", {**item, "body": {"B": zstandard.ZstdCompressor().compress(made)}})
    try:
        assert whole.is_found()
    finally:
        whole.put("log", item)


RUBBISH = {
    "empty": b"",
    "text": b"no such thing" * 3,
    "zeros": bytes(40),
    "huge": b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8,
}


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH.keys())
@pytest.mark.parametrize(("part", "name"), [("log", "body"), ("log", "stack"), ("payload", "blob"), ("state", "state")])
def test_rubbish_is_refused_by_name(whole: Tables, part: str, name: str, data: bytes) -> None:
    """Whoever reads it is told what cannot be read; nothing else escapes, and no memory is asked for on its word."""
    held = [item for item in whole.items(part) if name in item]
    item = next((item for item in held if item.get("pk", {}).get("S", "").endswith(OTHER.stream.hex())), held[-1])
    refusals: list[str] = []

    def tell(read: Callable[[], object]) -> None:
        try:
            read()
        except StoreRefused as error:
            refusals.append(str(error))

    whole.put(part, {**item, name: {"B": data}})
    try:
        assert whole.is_found()
        tell(lambda: open_reader(whole.url).frontier())
        tell(lambda: list(open_reader(whole.url).records(0, SIZE)))
        tell(lambda: open_reader(whole.url).stream(OURS.stream))
        tell(lambda: open_reader(whole.url).stream(OTHER.stream))
    finally:
        whole.put(part, item)
    assert refusals
    assert all("cannot be read" in refusal for refusal in refusals)


def test_an_erased_record_reads_as_erased(whole: Tables) -> None:
    """A blob without a record, or none at all: no payload, no salt, nothing that it is found by, the leaf as it was."""
    reader = open_reader(whole.url)
    before = list(reader.records(0, SIZE))
    commit = next(item for item in whole.items("log") if item["n"]["N"] == "2")
    body = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(commit["body"]["B"]))
    (part,) = body[GROUPS][0][1]
    item = next(item for item in whole.items("payload") if item["key"]["S"] == part)
    blob = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(item["blob"]["B"]))
    blob[1][2] = None
    rewritten = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(blob))
    try:
        whole.put("payload", {**item, "blob": {"B": rewritten}})
        bare = [record.leaf_index for record in reader.records(0, SIZE) if record.payload is None]
        assert bare == [3]
        assert [record.leaf for record in reader.records(0, SIZE)] == [record.leaf for record in before]
        assert whole.is_found(), "no erasure record says why"
        whole.drop("payload", item)
        assert [r.leaf_index for r in reader.records(0, SIZE) if r.salt is None] == [1, 2, 3, 4, 5]
    finally:
        whole.put("payload", item)
    assert not whole.is_found()
