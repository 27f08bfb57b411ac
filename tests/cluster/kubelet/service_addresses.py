# SPDX-License-Identifier: Apache-2.0
"""The addresses of Services, in place of kube-proxy: a connection goes to one of the endpoints that are ready, in turn.

A program: API URL, authority, certificate and key are its arguments, and it is started inside the cluster's network. A
connection stays with the pod that it was given, whatever becomes of the endpoint. With no ready endpoint it is closed.
"""

import asyncio
import contextlib
import http.client
import itertools
import sys
import threading
from pathlib import Path
from typing import Any, Final

from tests.cluster.api_client import ApiClient
from tests.cluster.authority import Identity

Object = dict[str, Any]
Target = tuple[str, int]
_SLICES: Final = "/apis/discovery.k8s.io/v1/endpointslices"
_SERVICES: Final = "/api/v1/services"
_BLOCK: Final = 1 << 16


class Addresses:
    """What is listened to, and who is behind it. ``services`` and ``slices`` are those that there are, by uid."""

    def __init__(self) -> None:
        self.services: dict[str, Object] = {}
        self.slices: dict[str, Object] = {}
        self._turns, self._one_at_a_time = itertools.count(), asyncio.Lock()
        self._listening: dict[Target, asyncio.Server] = {}

    async def follow(self) -> None:
        """Listen to what is asked for now and to nothing else."""
        async with self._one_at_a_time:
            await self._listen()

    async def _listen(self) -> None:
        wanted = {
            (each["spec"]["clusterIP"], port["port"]): (each["metadata"], port.get("name", ""))
            for each in self.services.values()
            if each["spec"].get("clusterIP", "None") not in ("None", "") and each["spec"].get("selector")
            for port in each["spec"]["ports"]
        }
        for place in self._listening.keys() - wanted.keys():
            self._listening.pop(place).close()
        for place in wanted.keys() - self._listening.keys():
            metadata, port = wanted[place]

            async def take(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Object = metadata, port: str = port
            ) -> None:
                await self._relay(reader, writer, self.ready(who["namespace"], who["name"], port))

            self._listening[place] = await asyncio.start_server(take, *place)

    def ready(self, namespace: str, service: str, port: str) -> list[Target]:
        """The ready endpoints of a port of a service."""
        return sorted(
            (address, each["port"])
            for part in self.slices.values()
            if part["metadata"]["namespace"] == namespace
            and part["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
            for each in part.get("ports") or ()
            if (each.get("name") or "") == port
            for endpoint in part.get("endpoints") or ()
            if endpoint.get("conditions", {}).get("ready")
            for address in endpoint["addresses"]
        )

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ready: list[Target]) -> None:
        first = next(self._turns)
        try:
            # One that refuses the connection is passed over, as its endpoint is about to be taken away.
            for number in range(len(ready)):
                with contextlib.suppress(OSError):
                    behind = await asyncio.open_connection(*ready[(first + number) % len(ready)])
                    await asyncio.gather(_copy(reader, behind[1]), _copy(behind[0], writer))
                    return
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
    writer.close()


def _keep(
    api: ApiClient, path: str, found: dict[str, Object], loop: asyncio.AbstractEventLoop, addresses: Addresses
) -> None:
    """List and watch in a thread; what is found is changed in the loop."""

    def become(event: str, item: Object) -> None:
        uid = item["metadata"]["uid"]
        if event == "DELETED":
            found.pop(uid, None)
        else:
            found[uid] = item

    while True:
        try:
            listed = api.get(path).ok()
            loop.call_soon_threadsafe(found.clear)
            events = [("ADDED", item) for item in listed["items"]]
            for kind, item in events:
                loop.call_soon_threadsafe(become, kind, item)
            asyncio.run_coroutine_threadsafe(addresses.follow(), loop).result()
            for event in api.watch(path, listed["metadata"]["resourceVersion"]):
                if event.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
                    break
                loop.call_soon_threadsafe(become, event["type"], event["object"])
                asyncio.run_coroutine_threadsafe(addresses.follow(), loop).result()
        except (OSError, http.client.HTTPException):
            threading.Event().wait(0.5)


async def serve(api: ApiClient) -> None:
    """For as long as the process runs."""
    addresses, loop = Addresses(), asyncio.get_running_loop()
    for path, found in ((_SLICES, addresses.slices), (_SERVICES, addresses.services)):
        threading.Thread(target=_keep, args=(api, path, found, loop, addresses), daemon=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    url, authority, certificate, key = sys.argv[1:]
    identity = Identity(Path(certificate), Path(key), Path())
    asyncio.run(serve(ApiClient(url, Path(authority), identity)))
