# SPDX-License-Identifier: Apache-2.0
"""A host for Python programs: the real engine asks it to run one, and the SDK's own server does.

It runs `__main__.py` of the folder that the engine names, each time anew; modules that the program imports stay. It
finds no virtual environment, installs nothing, and asks for no plugin, for the only one is there already.
"""

import runpy
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, plugin_pb2


class Host(LanguageServer):  # type: ignore[misc]  # the SDK's types are not read
    """The server that the Automation API runs programs with, for the program that each request names."""

    def __init__(self) -> None:
        super().__init__(_nothing)

    def Handshake(self, request: Any, context: Any) -> Any:
        """Nothing is negotiated."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """A host of no version."""
        return plugin_pb2.PluginInfo()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """Nothing is asked of the user."""
        return language_pb2.RuntimeOptionsResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        """The engine ends by itself."""
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:
        """Run the program of the request."""
        folder = Path(request.info.program_directory or request.pwd)
        self.program = lambda: runpy.run_path(str(folder / "__main__.py"), run_name="__main__")
        return super().Run(request, context)


def _nothing() -> None:
    """No program has been named yet."""
