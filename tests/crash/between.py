# SPDX-License-Identifier: Apache-2.0
"""Something between service and sidecar: it passes bytes on, late, or keeps what the sidecar says to itself."""

import contextlib
import socket
import threading
import time
from pathlib import Path


class Between:
    """A proxy between two unix sockets, one thread per connection and direction."""

    def __init__(self, listen: Path, to: Path) -> None:
        self._to = to
        self.delay = 0.0
        """Seconds that each answer of the sidecar waits."""
        self.holding = threading.Event()
        """While set, answers of the sidecar are dropped and never reach the service."""
        self.held = threading.Event()
        """Set when an answer was dropped."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(listen))
        self._listener.listen(64)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Break every connection."""
        for connection in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._to))
            except OSError:
                return
            self._open += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self.holding.is_set():
                    self.held.set()
                    continue
                if answers and self.delay:
                    time.sleep(self.delay)
                target.sendall(data)
        for connection in (source, target):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
