# SPDX-License-Identifier: Apache-2.0
"""A Service's address gives each connection to the next endpoint that is ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contracts.address import free_ports
from tests.cluster.kubelet.service_addresses import Addresses

Object = dict[str, Any]
NAMED = {"namespace": "here", "name": "a-service"}


@asynccontextmanager
async def pod(port: int) -> AsyncIterator[None]:
    """Something that says its port, and what it was sent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d:%s" % (port, await reader.read(10)))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield


def part(uid: str, port: int, ready: bool, service: str = "a-service") -> tuple[str, Object]:
    """One slice with one endpoint."""
    metadata = {"namespace": "here", "labels": {"kubernetes.io/service-name": service}}
    endpoint = {"addresses": ["127.0.0.1"], "conditions": {"ready": ready}}
    return uid, {"metadata": metadata, "ports": [{"name": "http", "port": port}], "endpoints": [endpoint]}


async def asked(port: int) -> bytes:
    """What a connection says; nothing when it is closed or reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_connections_go_round_the_ready_endpoints() -> None:
    """Not to one that is not ready, nor to another service's; one that refuses is passed over; none is a close."""
    first, second, resting, foreign, gone, address = free_ports(6)
    addresses = Addresses()
    spec = {"clusterIP": "127.0.0.1", "selector": {"a": "b"}, "ports": [{"name": "http", "port": address}]}
    addresses.services["s"] = {"metadata": NAMED, "spec": spec}
    addresses.services["headless"] = {"metadata": NAMED, "spec": {**spec, "clusterIP": "None"}}
    addresses.slices.update([
        part("1", first, True), part("2", second, True), part("3", resting, False), part("4", foreign, True, "other"),
        part("5", gone, True),
    ])  # fmt: skip
    async with pod(first), pod(second), pod(resting), pod(foreign):
        await addresses.follow()
        said = [await asked(address) for _ in range(6)]
        assert set(said) == {b"%d:hello" % port for port in (first, second)}
        addresses.slices.clear()
        assert await asked(address) == b""
        addresses.services.clear()
        await addresses.follow()
    with pytest.raises(ConnectionRefusedError):
        await asked(address)
