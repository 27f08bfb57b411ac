# SPDX-License-Identifier: Apache-2.0
"""Change a store behind everybody's back, for tests of whoever has to find it out."""

from pathlib import Path

import apsw


def flip(*arguments: object) -> bytes:
    """The same bytes but for one bit in the middle."""
    (data,) = arguments
    assert isinstance(data, bytes)
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def tamper(path: Path, *statements: str) -> None:
    """What somebody with the file could do; ``flip`` can be called in a statement."""
    connection = apsw.Connection(str(path))
    connection.create_scalar_function("flip", flip, 1)
    for statement in statements:
        connection.execute(statement)
        assert connection.changes() > 0, "the statement did nothing, so it would prove nothing"
    connection.close()
