# SPDX-License-Identifier: Apache-2.0
"""Head and body in one write, and nothing lost or held otherwise."""

from contracts.joined_write import JoinedWrite


class Transport:
    """Keeps what was written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.writes.append(data)

    def close(self) -> None:
        """Remember it."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self.closed


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def test_head_waits_for_the_first_part_of_the_body() -> None:
    """Further parts go out as they come, also one that looks like a head."""
    transport = Transport()
    joined = JoinedWrite(transport)
    joined.write(HEAD)
    assert transport.writes == []
    for part in (b"one", b"", HEAD):
        joined.write(part)
    assert transport.writes == [HEAD + b"one", b"", HEAD]


def test_empty_body_lets_the_head_go() -> None:
    """204 and the like."""
    transport = Transport()
    joined = JoinedWrite(transport)
    joined.write(HEAD)
    joined.write(b"")
    assert transport.writes == [HEAD]


def test_interim_answer_goes_at_once() -> None:
    """The other side sends no body before it has it."""
    transport = Transport()
    joined = JoinedWrite(transport)
    joined.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    joined.write(HEAD)
    joined.write(b"x")
    assert transport.writes == [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"x"]


def test_close_loses_nothing() -> None:
    """An answer that breaks off after its head has sent its head."""
    transport = Transport()
    joined = JoinedWrite(transport)
    joined.write(HEAD)
    assert not joined.is_closing()
    joined.close()
    assert (transport.writes, joined.is_closing()) == ([HEAD], True)
