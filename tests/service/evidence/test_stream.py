# SPDX-License-Identifier: Apache-2.0
"""The records that frame a stream, as a verifier will read them."""

from contracts import semconv
from contracts.evidence import read_origin, read_record
from contracts.identifiers import IdSource, parse_uuid, uuid_text
from contracts.otlp import encode_export, with_sequence
from contracts.payload import cut_export
from contracts.release import Release
from service.evidence.stream import Identity, Stream

RELEASE = Release(artifact="a" * 64, card="c" * 64, images=("sha256:2", "sha256:1"))
IDENTITY = Identity("0.0.1", "m", "1.0.0", "a" * 64, RELEASE, {semconv.POD_NAME: "pod-1"})


def stream() -> Stream:
    return Stream(IDENTITY, IdSource(), lambda: 1_700_000_000_000_000_000)


def test_origin_is_the_stream_and_its_release() -> None:
    """What the Resource says is what the sidecar derives the leaf from."""
    made = stream()
    export = encode_export(made.resource, made.scope, [with_sequence(made.release(), 0)])
    origin = read_origin(cut_export(export)[0].context)
    assert uuid_text(origin.stream) == made.stream_id
    assert origin.release.hex() == RELEASE.digest()


def test_release_record_names_parts_and_place() -> None:
    """Deployment facts stand in the release record."""
    record = read_record(with_sequence(stream().release(), 0))
    assert record.kind == "release"
    assert record.span.attributes[semconv.RELEASE_ARTIFACT] == "a" * 64
    assert record.span.attributes[semconv.RELEASE_IMAGES] == '["sha256:1", "sha256:2"]'
    assert record.span.attributes[semconv.POD_NAME] == "pod-1"


def test_withheld_record_is_about_its_prediction() -> None:
    """Same trace id, its own span id, the target's id."""
    made, request_id = stream(), IdSource().request_id()
    record = read_record(with_sequence(made.withheld(request_id, "deadline"), 9, {semconv.TARGET_SEQ: 4}))
    assert record.request_id == record.span.trace_id == request_id
    assert record.span.attributes[semconv.TARGET_SEQ] == 4


def test_refusals_are_told_in_one_record_about_no_prediction() -> None:
    """Count and times of the first and last."""
    record = read_record(with_sequence(stream().refused(3, 5, 7), 9))
    attributes = record.span.attributes
    assert (record.kind, record.request_id) == ("withheld", None)
    assert [attributes[name] for name in (semconv.COUNT, semconv.FIRST, semconv.LAST)] == [3, 5, 7]


def test_every_stream_has_an_id_of_its_own() -> None:
    """A new process is a new stream."""
    first, second = stream(), stream()
    assert parse_uuid(first.stream_id) != parse_uuid(second.stream_id)
    assert [first.next_sequence() for _ in range(3)] == [0, 1, 2]
