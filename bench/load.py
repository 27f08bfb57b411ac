# SPDX-License-Identifier: Apache-2.0
"""Put a server under closed-loop load and read what it did: wrk where it is installed, else a small client of ours.

Any answer but a success makes the shot worthless, and raises BenchFailed.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import uvloop

from bench.errors import BenchFailed
from contracts.endpoint import parse_endpoint
from service.client.connection import Connection, request_head

_SCRIPT: Final = Path(__file__).with_name("varied.lua")
_OURS: Final = "asyncio client of this repository (wrk is not installed)"


class Shot(NamedTuple):
    """One run of load; latencies in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def generator() -> str:
    """What makes the load, for the report."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return _OURS
    said = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"wrk\s+\S+", said)
    return f"{found.group() if found else 'wrk'}, one thread"


def shoot(url: str, bodies: Path, connections: int, seconds: float) -> Shot:
    """POST the lines of ``bodies`` in turn over so many keep-alive connections."""
    wrk = shutil.which("wrk")
    found = _ours(url, bodies, connections, seconds) if wrk is None else _wrk(wrk, url, bodies, connections, seconds)
    if found.requests == 0:
        raise BenchFailed(f"{url} answered nothing within {seconds:g} s")
    return found


def _wrk(wrk: str, url: str, bodies: Path, connections: int, seconds: float) -> Shot:
    whole = max(1, round(seconds))
    command = [wrk, "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "30s", "-s", str(_SCRIPT), url]
    environment = {**os.environ, "COUNTERSIGN_BENCH_BODIES": str(bodies)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    line = re.search(r"^BENCH (.*)$", done.stdout, flags=re.MULTILINE)
    if done.returncode != 0 or line is None:
        raise BenchFailed(f"wrk failed on {url}: {(done.stderr or done.stdout).strip()[-300:]}")
    found = json.loads(line.group(1))
    if found.pop("errors"):
        raise BenchFailed(f"{url} answered with errors: {done.stdout.strip()[-400:]}")
    return Shot(**found)


def _ours(url: str, bodies: Path, connections: int, seconds: float) -> Shot:
    lines = bodies.read_bytes().splitlines()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_closed_loop(url, lines, connections, seconds))


async def _closed_loop(url: str, bodies: list[bytes], connections: int, seconds: float) -> Shot:
    parts = urlsplit(url)
    endpoint = parse_endpoint(f"http://{parts.netloc}", "URL")
    latencies: list[float] = []
    start = time.perf_counter()

    async def loop(first: int) -> None:
        connection = Connection(endpoint, 64 << 20)
        place = first
        try:
            while (began := time.perf_counter()) - start < seconds:
                body = bodies[place % len(bodies)]
                head = request_head(endpoint, "POST", parts.path, {"Content-Type": "application/json"}, len(body))
                reply = await connection.request(head, body, 30)
                if not 200 <= reply.status < 300:
                    raise BenchFailed(f"{url} answered {reply.status}")
                latencies.append(time.perf_counter() - began)
                place += connections
        finally:
            connection.close()

    await asyncio.gather(*(loop(first) for first in range(connections)))
    elapsed = time.perf_counter() - start
    latencies.sort()
    return Shot(
        len(latencies), elapsed, latencies[len(latencies) // 2] * 1e3, latencies[len(latencies) * 99 // 100] * 1e3
    )
