# SPDX-License-Identifier: Apache-2.0
"""`countersign serve` as a process: it starts, says where, drains, and refuses with one clear line."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from contracts import semconv
from tests.service.fake_sidecar import STALL, FakeSidecar
from tests.service.running import write_subject_key
from tests.service.small_bundle import LINEAR_CARD, ROW, write_linear_bundle


class Process:
    """The process and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, text: str) -> str:
        """Read stderr until a line holds ``text``; that line."""
        assert self.process.stderr is not None
        async with asyncio.timeout(30):
            while line := (await self.process.stderr.readline()).decode():
                self.said.append(line)
                if text in line:
                    return line
        raise AssertionError(f"never said {text!r}: {self.said}")

    async def ends(self) -> tuple[int, str]:
        """Wait for the end; the exit code and everything said."""
        async with asyncio.timeout(30):
            _, rest = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, "".join(self.said) + rest.decode()


@asynccontextmanager
async def serve(*flags: str, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "countersign", "serve", *flags,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def flags(bundle: Path, sidecar: FakeSidecar) -> list[str]:
    key = write_subject_key(bundle)
    return [
        "--bundle", str(bundle), "--evidence", sidecar.url, "--subject-key", str(key), "--port", "0",
        "--metrics-port", "0",
    ]  # fmt: skip


async def test_serves_and_drains(flags: list[str], sidecar: FakeSidecar) -> None:
    """SIGTERM: the request under way is answered, `end` is the last record, the exit code is 0."""
    async with serve(*flags) as running:
        metrics = (await running.says("metrics on")).split()[-1]
        url = (await running.says("listening on")).split()[-1]
        async with httpx.AsyncClient(timeout=30) as client:
            assert (await client.post(f"{url}/predict", json=ROW)).status_code == 200
            assert "countersign_predictions_total" in (await client.get(metrics)).text
            assert (await client.post(metrics.replace("/metrics", "/predict"), json=ROW)).status_code == 404
            before = len(sidecar.bodies)
            sidecar.script.append(STALL)
            under_way = asyncio.create_task(client.post(f"{url}/predict", json=ROW))
            await sidecar.received(before + 1)
            running.process.send_signal(signal.SIGTERM)
            sidecar.resume()
            assert (await under_way).status_code == 200
        code, said = await running.ends()
    assert code == 0
    assert "everything is acknowledged" in said
    assert "Traceback" not in said
    assert sidecar.kinds() == ["release", "heartbeat", "prediction", "prediction", "end"]
    assert "local" in said


async def test_no_telemetry_variable_changes_the_log(flags: list[str], sidecar: FakeSidecar) -> None:
    """Nothing outside can switch evidence off, sample or truncate it."""
    variables = {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    async with serve(*flags, **variables) as running:
        url = (await running.says("listening on")).split()[-1]
        headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
        async with httpx.AsyncClient(timeout=30) as client:
            answer = (await client.post(f"{url}/predict", json=ROW, headers=headers)).json()
        running.process.send_signal(signal.SIGINT)
        code, _ = await running.ends()
    assert code == 0
    prediction = sidecar.records[2].span
    assert prediction.trace_id.hex() == answer["request_id"].replace("-", "")
    assert len(prediction.attributes) > 8
    assert '"tenure_months":1.0' in str(prediction.attributes[semconv.INPUT])


async def test_lasting_refusal_ends_the_process(flags: list[str], sidecar: FakeSidecar) -> None:
    """Only a new process has a new stream; the last line says why."""
    sidecar.script.append(400)
    async with serve(*flags) as running:
        code, said = await running.ends()
    assert code == 1
    assert "evidence was refused for good" in said.splitlines()[-1]
    assert "Traceback" not in said


async def test_caller_who_never_finishes_does_not_hold_up_the_end(
    flags: list[str], sidecar: FakeSidecar, tmp_path: Path
) -> None:
    """After the bound the stream ends cleanly without that request, and junk on the wire fills no log."""
    settings = tmp_path / "serve.toml"
    settings.write_text("drain = 0.1\n")
    async with serve(*flags, "--config", str(settings)) as running:
        url = (await running.says("listening on")).split()[-1]
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"junk\r\n\r\n")
        assert b"400" in await reader.readline()
        writer.close()
        _, slow = await asyncio.open_connection(host, int(port))
        slow.write(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        await slow.drain()
        running.process.send_signal(signal.SIGTERM)
        code, said = await running.ends()
        slow.close()
    assert code == 0
    assert "Traceback" not in said
    assert sidecar.kinds() == ["release", "heartbeat", "end"]
    assert "Invalid HTTP" not in said


async def test_stop_without_sidecar_is_no_clean_end(flags: list[str], sidecar: FakeSidecar, tmp_path: Path) -> None:
    """When evidence cannot be flushed within the bound, the exit code says so."""
    settings = tmp_path / "serve.toml"
    settings.write_text("drain = 0.1\n")
    sidecar.script.extend([503] * 1000)
    async with serve(*flags, "--config", str(settings)) as running:
        await running.says("evidence is delayed")
        running.process.send_signal(signal.SIGTERM)
        code, said = await running.ends()
    assert code == 1
    assert "has no end record" in said.splitlines()[-1]


def replaced(flags: list[str], flag: str, value: str) -> list[str]:
    place = flags.index(flag)
    return [*flags[: place + 1], value, *flags[place + 2 :]]


def without(flags: list[str], flag: str) -> list[str]:
    place = flags.index(flag)
    return flags[:place] + flags[place + 2 :]


async def refusal(*flags: str, **environment: str) -> str:
    async with serve(*flags, **environment) as running:
        code, said = await running.ends()
    assert code == 2, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("countersign serve: ")
    return said


async def test_port_in_use(flags: list[str]) -> None:
    """The address is named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in await refusal(*replaced(flags, "--port", str(port)))


@pytest.mark.parametrize("flag", ["--bundle", "--evidence", "--subject-key"])
async def test_flag_that_is_missing(flags: list[str], flag: str) -> None:
    """Each says what to give."""
    assert f"{flag} is missing" in await refusal(*without(flags, flag))


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--bundle", "/nowhere", "is not a folder"),
        ("--evidence", "sidecar", "want http://host:port, https://host:port or unix:/path"),
        ("--subject-key", "/nowhere", "cannot read subject key file"),
        ("--port", "http", "port"),
        ("--port", "99999", "port"),
    ],
)
async def test_flag_that_is_wrong(flags: list[str], flag: str, value: str, message: str) -> None:
    """Each says what is wrong with it."""
    assert message in await refusal(*replaced(flags, flag, value))


async def test_other_address_without_tokens(flags: list[str]) -> None:
    """An open service is for this machine only."""
    assert "give --tokens FILE" in await refusal(*flags, "--host", "0.0.0.0")


async def test_mistyped_setting(flags: list[str]) -> None:
    """A setting of ours that does not exist is refused, another program's is passed over."""
    said = await refusal(*flags, COUNTERSIGN_EVIDENCE__DEADLIN="3", COUNTERSIGN_LOG__ORIGIN="x")
    assert "deadlin" in said


async def test_artifact_that_is_not_the_cards(flags: list[str], bundle: Path, tmp_path: Path) -> None:
    """Digest of the file and digest on the card are both told."""
    other = write_linear_bundle(tmp_path / "other", LINEAR_CARD)
    (other / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes() + b"\0")
    assert "has SHA-256" in await refusal(*replaced(flags, "--bundle", str(other)))


async def test_malformed_card(flags: list[str], tmp_path: Path) -> None:
    """File, line and column."""
    other = write_linear_bundle(tmp_path / "other", LINEAR_CARD + "colour: blue\n")
    assert "card.yaml:" in await refusal(*replaced(flags, "--bundle", str(other)))
