# SPDX-License-Identifier: Apache-2.0
"""Let the head of an HTTP answer wait for the first bytes of its body, and go out with them in one write.

The server underneath writes both apart, so that the other side wakes up for a head alone. ASGI wants it thus anyway: no
header leaves before there is a body. One object serves one answer.
"""

from typing import Any, Final

_INTERIM: Final = b"HTTP/1.1 100 "


class JoinedWrite:
    """Stands before a transport, for an answer that will have a body, be it an empty one."""

    __slots__ = ("_began", "_head", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._began = False
        self._head = b""

    def write(self, data: bytes) -> None:
        """The first call, an interim answer aside, is the head."""
        if not self._began and not data.startswith(_INTERIM):
            self._began = True
            self._head = data
            return
        head, self._head = self._head, b""
        self._transport.write(head + data if head else data)

    def close(self) -> None:
        """Close, after what waits is written."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()

    def is_closing(self) -> bool:
        """As the transport says."""
        closing: bool = self._transport.is_closing()
        return closing
