# SPDX-License-Identifier: Apache-2.0
"""The read side's way to a sidecar: every answer is an acknowledgement, a reason to try again, or the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from audit_sidecar.errors import Fatal, Pushback
from audit_sidecar.serve_receiver import Receiver
from contracts.acknowledgement import Acknowledgement, Position, encode_acknowledgement
from contracts.endpoint import Endpoint, parse_endpoint
from contracts.errors import SettingInvalid

GIVEN = Acknowledgement("log.example/x", (Position(7, bytes(range(32))),))
BODY = encode_acknowledgement(GIVEN)


def reply(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def answering(folder: Path, answer: bytes | None) -> AsyncIterator[tuple[Endpoint, list[bytes]]]:
    """A unix socket that takes requests and gives this answer; None = none at all."""
    requests: list[bytes] = []
    released = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        requests.append(head + await reader.readexactly(length))
        if answer is None:
            await released.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(handle, folder / "s")
    async with server:
        try:
            yield parse_endpoint(f"unix:{folder / 's'}", "--evidence"), requests
        finally:
            released.set()


async def test_an_acknowledgement_is_read(tmp_path: Path) -> None:
    """Also in chunks, and after an interim answer; the request asks for it and shows the token as it now is."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    token = tmp_path / "token"
    token.write_text("first\n")
    for answer in (reply(200, BODY), chunked, b"HTTP/1.1 100 Continue\r\n\r\n" + reply(200, BODY)):
        async with answering(tmp_path, answer) as (endpoint, requests):
            receiver = Receiver(endpoint, 5, token)
            assert await receiver.export(b"span", 1) == GIVEN
            token.write_text("second\n")
            await receiver.export(b"span", 1)
        assert requests[0].endswith(b"\r\n\r\nspan")
        assert b"\r\ncountersign-ack: 1\r\n" in requests[0]
        assert b"\r\nAuthorization: Bearer second\r\n" in requests[1]


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
async def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    """A full queue, a token under rotation, a broken proxy: the reason is told."""
    async with answering(tmp_path, reply(status, b"\x08\x0e\x12\x04full")) as (endpoint, _):
        with pytest.raises(Pushback, match=f"answered {status}.*full"):
            await Receiver(endpoint, 5).export(b"span", 1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(400, b"no"), "refused for good.*400.*no"),
        (reply(404), "refused for good.*no reason given"),
        (reply(200), "no valid acknowledgement"),
        (reply(200, encode_acknowledgement(Acknowledgement("x", ()))), "0 of 1"),
    ],
)
async def test_what_stays_wrong_is_the_end(tmp_path: Path, answer: bytes, says: str) -> None:
    """Another kind of receiver, or bytes that it will never take."""
    async with answering(tmp_path, answer) as (endpoint, _):
        with pytest.raises(Fatal, match=says):
            await Receiver(endpoint, 5).export(b"span", 1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"", "before the answer was whole"),
        (reply(200, BODY)[:-1], "before the answer was whole"),
        (reply(200, bytes((1 << 20) + 1)), "longer than"),
        (None, "no answer within"),
    ],
)
async def test_half_an_answer_is_none(tmp_path: Path, answer: bytes | None, says: str) -> None:
    """Whatever a peer does, the exchange ends in time and counts for nothing."""
    async with answering(tmp_path, answer) as (endpoint, _):
        with pytest.raises(Pushback, match=says):
            await Receiver(endpoint, 0.05 if answer is None else 20).export(b"span", 1)


async def test_nobody_there_is_said(tmp_path: Path) -> None:
    """No socket, no port."""
    for text in (f"unix:{tmp_path / 'none'}", "http://127.0.0.1:9"):
        with pytest.raises(Pushback, match=text):
            await Receiver(parse_endpoint(text, "--evidence"), 5).export(b"span", 1)


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1:4318", "ftp://x", "http://", "http://x/path", "http://u@x", "http://x:99999", "unix:"]
)
def test_what_is_no_address_is_a_setting(text: str) -> None:
    """A mistyped address is told at the start, by the name of its flag."""
    with pytest.raises(SettingInvalid, match="--evidence"):
        parse_endpoint(text, "--evidence")


@pytest.mark.parametrize("content", [None, "", "two\nlines", "t\u00f6ken"])
def test_a_token_file_that_is_none_is_told_at_the_start(tmp_path: Path, content: str | None) -> None:
    """A missing, empty or garbled one."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingInvalid, match="token"):
        Receiver(parse_endpoint("http://127.0.0.1:9", "--evidence"), 5, path)
