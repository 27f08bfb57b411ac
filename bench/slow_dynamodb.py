# SPDX-License-Identifier: Apache-2.0
"""DynamoDB Local for one run, on loopback and in memory, behind added latency; what it is asked is counted on the way.

It does not say what a statement costs, so that write units are counted by the sizes of items: one for each 1,024 bytes
begun. What it enforces and what not stands in ``tests/audit_sidecar/stores/dynamodb_local.py``.
"""

import asyncio
import base64
import json
import os
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.errors import BenchFailed
from contracts.address import free_ports
from scripts import tools

LATENCY: Final = 0.005
"""Seconds added to each request."""
_START_SECONDS: Final = 60
_UNIT: Final = 1_024
_WRITES: Final = frozenset({"ExecuteStatement", "BatchExecuteStatement", "UpdateItem"})


class Asked:
    """What was asked since `reset`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.reset()

    def reset(self) -> None:
        """Count from here."""
        self.requests = 0
        self.inserts = Counter[str]()
        """Items whose insert was asked for, by part of the log: log, payload, state."""
        self.units = Counter[str]()
        """Write units of inserts and updates, by part."""
        self.refused = 0
        """Commits that came too late."""
        self._cpu = _cpu_of(self._process.pid)

    @property
    def cpu_seconds(self) -> float:
        """Processor time of DynamoDB Local."""
        return _cpu_of(self._process.pid) - self._cpu

    @property
    def commits(self) -> int:
        """Commits that were kept."""
        return self.inserts["log"] - self.refused

    def count(self, operation: str, body: bytes, answer: bytes) -> None:
        """One request and its answer."""
        self.requests += 1
        if operation not in _WRITES:
            return
        asked = json.loads(body)
        if operation == "UpdateItem":
            values = asked.get("ExpressionAttributeValues", {})
            self.units[_part(asked["TableName"])] += _units(sum(map(_size, values.values())))
            return
        for one in asked.get("Statements", [asked]):
            part = _part(one["Statement"].split('"')[1])
            size = len(one["Statement"]) + sum(map(_size, one["Parameters"]))
            self.inserts[part] += 1
            self.units[part] += _units(size)
            if part == "log" and b"DuplicateItem" in answer[:200]:
                self.refused += 1


def _cpu_of(session: int) -> float:
    """Seconds of processor time of every process of a session."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                # Fields after the command's name, which may hold spaces: session is 3, times 11 and 12.
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks += int(stat[11]) + int(stat[12]) if int(stat[3]) == session else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _part(table: str) -> str:
    return table.rpartition("-")[2]


def _units(size: int) -> int:
    return -(-size // _UNIT)


def _size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    return len(base64.b64decode(held)) if kind == "B" else len(held)


@contextmanager
def running(folder: Path) -> Iterator[Asked]:
    """Start both, point this process and its children at them, and leave nothing behind. BenchFailed without Java."""
    try:
        program = tools.find("dynamodb-local")
    except tools.ToolMissing as missing:
        raise BenchFailed(str(missing)) from missing
    port, slow = free_ports(2)
    with (folder / "dynamodb.log").open("ab") as log, ExitStack() as closing:
        command = [str(program), "-inMemory", "-sharedDb", "-port", str(port)]
        process = closing.enter_context(
            subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        )
        closing.callback(process.kill)
        _await(port, process)
        asked = Asked(process)
        loop = uvloop.new_event_loop()
        closing.callback(loop.close)
        thread = threading.Thread(target=_serve, args=(loop, port, slow, asked))
        thread.start()
        closing.callback(thread.join)
        closing.callback(loop.call_soon_threadsafe, loop.stop)
        _await(slow, process)
        closing.enter_context(_environment(f"http://127.0.0.1:{slow}"))
        yield asked


@contextmanager
def _environment(endpoint: str) -> Iterator[None]:
    found = {
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = {name: os.environ.get(name) for name in found}
    os.environ.update(found)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise BenchFailed("DynamoDB Local did not start")


def _serve(loop: asyncio.AbstractEventLoop, target: int, port: int, asked: Asked) -> None:
    asyncio.set_event_loop(loop)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            back, forth = await asyncio.open_connection("127.0.0.1", target)
            while True:
                head, body = await _message(reader)
                await asyncio.sleep(LATENCY)
                if back.at_eof():  # the service closes what was idle
                    back, forth = await asyncio.open_connection("127.0.0.1", target)
                forth.write(head + body)
                answer = await _message(back)
                asked.count(_operation(head), body, answer[1])
                writer.write(b"".join(answer))
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(pass_on, "127.0.0.1", port))
    loop.run_forever()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of a message of HTTP/1.1 with a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head, await reader.readexactly(int(length or b"0"))


def _operation(head: bytes) -> str:
    return head.partition(b"DynamoDB_20120810.")[2].partition(b"\r\n")[0].decode()
