# SPDX-License-Identifier: Apache-2.0
"""``audit search`` shows what it found and never says less than there is."""

import pytest

from countersign.__main__ import EXIT_USAGE, main


@pytest.mark.parametrize("limit", ["0", "-1", "000", "many", "1.5", "٣", "9" * 5000])
def test_limit_that_shows_nothing_is_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit of nothing would be answered with '0 records', whatever the log holds."""
    with pytest.raises(SystemExit) as ended:
        main(["audit", "search", "sqlite:///store.db", f"--limit={limit}"])
    assert ended.value.code == EXIT_USAGE
    assert "is no number of records from 1 on" in capsys.readouterr().err
