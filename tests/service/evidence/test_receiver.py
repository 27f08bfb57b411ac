# SPDX-License-Identifier: Apache-2.0
"""What the exporter is told of each reply: acknowledged, later, or never."""

from pathlib import Path

import pytest

from contracts.bearer import read_bearer
from contracts.endpoint import parse_endpoint
from contracts.errors import SettingInvalid
from contracts.identifiers import IdSource
from contracts.otlp import encode_export, with_sequence
from service.errors import EvidenceFatal
from service.evidence.receiver import ExportDelayed, Receiver
from service.evidence.stream import Stream
from tests.service.evidence.test_stream import IDENTITY
from tests.service.fake_sidecar import GARBAGE, STALL, FakeSidecar


def export() -> bytes:
    stream = Stream(IDENTITY, IdSource(), lambda: 1)
    return encode_export(stream.resource, stream.scope, [with_sequence(stream.release(), 0)])


async def test_acknowledgement_has_one_position_per_span(sidecar: FakeSidecar) -> None:
    """A whole reply is passed on."""
    receiver = Receiver(parse_endpoint(sidecar.url, "--evidence"), 5)
    found = await receiver.export(export(), 1)
    receiver.close()
    assert found.log == "test.local/log"
    assert len(found.positions) == 1


async def test_positions_must_match_the_spans(sidecar: FakeSidecar) -> None:
    """An acknowledgement of another number of records is none."""
    receiver = Receiver(parse_endpoint(sidecar.url, "--evidence"), 5)
    with pytest.raises(EvidenceFatal, match="of 1 of 2 records"):
        await receiver.export(export(), 2)
    receiver.close()


async def test_stock_collector_is_no_sidecar(sidecar: FakeSidecar) -> None:
    """A 200 without an acknowledgement says nothing about durability, and the message says what to look at."""
    sidecar.script.append(GARBAGE)
    receiver = Receiver(parse_endpoint(sidecar.url, "--evidence"), 5)
    with pytest.raises(EvidenceFatal, match="is the receiver an audit sidecar"):
        await receiver.export(export(), 1)
    receiver.close()


async def test_export_without_reply_is_given_up(sidecar: FakeSidecar) -> None:
    """A stalled receiver is a delay after the timeout, on a connection that is not used again."""
    sidecar.script.append(STALL)
    receiver = Receiver(parse_endpoint(sidecar.url, "--evidence"), 0.05)
    with pytest.raises(ExportDelayed, match="no answer within"):
        await receiver.export(export(), 1)
    sidecar.resume()
    await receiver.export(export(), 1)
    receiver.close()
    assert sidecar.connections == 2


async def test_absent_receiver_is_a_delay(tmp_path: Path) -> None:
    """The sidecar may start later."""
    receiver = Receiver(parse_endpoint(f"unix:{tmp_path}/none", "--evidence"), 5)
    with pytest.raises(ExportDelayed, match="No such file"):
        await receiver.export(export(), 1)


async def test_refusal_is_told_with_its_reason(sidecar: FakeSidecar) -> None:
    """Status and text of the receiver stand in the one line that is logged."""
    sidecar.script.append(503)
    receiver = Receiver(parse_endpoint(sidecar.url, "--evidence"), 5)
    with pytest.raises(ExportDelayed, match="503: because the test says so"):
        await receiver.export(export(), 1)
    receiver.close()


@pytest.mark.parametrize("text", ["", "\n", "a\nb", "\u00e9"])
def test_token_file_holds_one_token(tmp_path: Path, text: str) -> None:
    """Anything else is refused with the file's name."""
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(SettingInvalid, match="token"):
        read_bearer(path)
    with pytest.raises(SettingInvalid, match="none"):
        read_bearer(tmp_path / "none")
