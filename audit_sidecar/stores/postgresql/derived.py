# SPDX-License-Identifier: Apache-2.0
"""Whether what is kept to find and to count by follows from the rows it was made of, for fsck."""

from collections.abc import Iterator
from typing import Final

from audit_sidecar.stores.postgresql.rows import PART_BITS
from audit_sidecar.stores.postgresql.searching import Ask

_BEYOND: Final = "SELECT part FROM tally, head WHERE part < 0 OR part >= size >> 13 LIMIT 1"
# One statement sees one moment, also while the eraser is at work.
_TALLY: Final = """
SELECT 1 FROM ((SELECT * FROM tallied(%s) EXCEPT ALL SELECT * FROM tally WHERE part = %s) UNION ALL
               (SELECT * FROM tally WHERE part = %s EXCEPT ALL SELECT * FROM tallied(%s))) AS differing LIMIT 1
"""
_CLASS: Final = """
SELECT l.leaf_index FROM leaf AS l JOIN kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
    AND k.leaf_index >= %s AND k.leaf_index < %s
LEFT JOIN class AS c ON c.id = k.class LEFT JOIN stream AS s ON s.id = l.stream
WHERE l.leaf_index >= %s AND l.leaf_index < %s AND (c.kind IS DISTINCT FROM l.kind
    OR c.model_id IS DISTINCT FROM s.model_id OR c.model_version IS DISTINCT FROM s.model_version)
ORDER BY l.leaf_index LIMIT 1
"""


def derived_strays(ask: Ask) -> Iterator[str]:
    """Rows that do not follow, named in words; a part of the log at a time."""
    for (part,) in ask(_BEYOND, ()):
        yield f"a tally of part {part}, which is not full"
    size = ask("SELECT size FROM head", ())[0][0]
    for part in range((size >> PART_BITS) + 1):
        span = part << PART_BITS, part + 1 << PART_BITS
        for (index,) in ask(_CLASS, (*span, *span)):
            yield f"a kept row of leaf {index}, whose class is of another kind or model"
        if part < size >> PART_BITS and ask(_TALLY, (part,) * 4):
            yield f"a tally of leaves {span[0]} to {span[1] - 1}, which is not what they give"
