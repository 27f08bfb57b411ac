# SPDX-License-Identifier: Apache-2.0
"""kill -9 of either process under load: nothing acknowledged is lost, no answer without a record.

This proves recovery of processes, not of disks: what fsync promises is tested by other means. The ledger of answers is
kept here, outside both processes. `COUNTERSIGN_LONG` kills each of them fifty times.
"""

import os
from pathlib import Path

import pytest

from contracts.identifiers import parse_uuid
from tests.crash.load import Load
from tests.end_to_end.living import Living, living

_KILLS = 50 if os.environ.get("COUNTERSIGN_LONG") else 3
_ANSWERS_BETWEEN = 40


@pytest.mark.parametrize("victim", ["sidecar", "service"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, victim: str) -> None:
    """Every answer that a caller ever got has its record where the answer says, and the log is sound."""
    with living(tmp_path / "killed") as stack:
        with Load(stack.stack.port) as load:
            for _ in range(_KILLS):
                load.await_more(_ANSWERS_BETWEEN)
                process = getattr(stack, victim)
                process.kill()
                process.start()
            load.await_more(_ANSWERS_BETWEEN)
        stack.stop()
        _check(stack, load, victim)


def _check(stack: Living, load: Load, victim: str) -> None:
    print(
        f"{_KILLS} kills of the {victim}, {len(load.answers)} answers, size {stack.evidence().reader.frontier().size}"
    )
    verdict = stack.fsck()
    assert verdict.returncode == 0, verdict
    reader = stack.evidence().reader
    for request_id, index, leaf_hash in load.answers:
        kinds = {record.leaf_index: record for record in reader.about(parse_uuid(request_id))}
        assert kinds[index].leaf.kind == "prediction"
        assert kinds[index].leaf_hash.hex() == leaf_hash
    report = stack.evidence().completeness(None, None)
    services = [stream for stream in report.streams if stream.producer == "unix"]
    assert len(services) == (_KILLS + 1 if victim == "service" else 1)
    # A killed sidecar loses nothing, for the service sends again; a killed service takes its unsent records with it,
    # and these had no answer.
    assert all(stream.missing == 0 for stream in services)
    ended = [stream.end for stream in services]
    assert ended.count("clean") == 1
