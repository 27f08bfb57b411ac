# SPDX-License-Identifier: Apache-2.0
"""The time as an archive takes it, for retention dates that a real store compares with its own clock."""

import datetime as dt


def now() -> dt.datetime:
    """Now, in UTC."""
    return dt.datetime.now(dt.UTC)
