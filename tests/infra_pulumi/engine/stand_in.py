# SPDX-License-Identifier: Apache-2.0
"""Language host and provider in one process, on one port of loopback: ``python -m tests.infra_pulumi.engine.stand_in``.

Prints the port, and serves until standard input ends. The engine finds it by ``--client`` and PULUMI_DEBUG_PROVIDERS,
so that what costs seconds to import is imported once for many runs.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from pulumi.runtime.proto import language_pb2_grpc, provider_pb2_grpc

from tests.infra_pulumi.engine.language_host import Host
from tests.infra_pulumi.engine.provider import StandIn

LIMIT: Final = 64 << 20


def main() -> None:
    """Serve one engine at a time."""
    options = [("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT)]
    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(), server)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
