# SPDX-License-Identifier: Apache-2.0
"""``make bench``: measure everything in one run and write the tables. ``--quick`` shows only that it works."""

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from audit_sidecar.stores.url import open_reader
from bench import batches, gate, growth, ingest, load, machine, report, serving, shared_dynamodb, shared_log
from bench.environments import measured_in_scratch
from bench.errors import BenchFailed
from bench.process import ROOT
from bench.producer import Predictions
from bench.results import Results
from bench.shared_dynamodb import DYNAMODB, OnDynamo
from bench.shared_log import InPostgres
from bench.sharing import POSTGRESQL


class _Effort(NamedTuple):
    rounds: int
    seconds: float
    records: int
    shared_records: int
    exports: int
    """Of each of four connections to each sidecar on DynamoDB."""


def main() -> int:
    """Exit 0 when everything could be measured, met or not; 1 when a measurement failed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, for the harness and not for figures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load on one server in one round")
    parser.add_argument("--records", type=int, default=_records(), help="how far the growing log grows")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    arguments = parser.parse_args()
    effort = _Effort(arguments.rounds, arguments.seconds, arguments.records, shared_log.how_far(), 40)
    if arguments.quick:
        effort = _Effort(1, 1.0, 3 * growth.STEP, growth.STEP, 4)
    return measured_in_scratch("run", lambda folder: print(report.write(measure(folder, effort), arguments.out)))


def _records() -> int:
    long = os.environ.get("COUNTERSIGN_LONG", "")
    return 10_000_000 if long not in ("", "0") else 1_000_000


def measure(folder: Path, effort: _Effort) -> Results:
    """One run in ``folder``, which must be on a disk."""
    started, facts = datetime.now(UTC), machine.look(folder)
    predictions = Predictions()
    _say("serving")
    with serving.targets(folder) as (found, absent):
        served = serving.measure(found, effort.rounds, effort.seconds)
        ours = found[0]
        _say("batches")
        batched = batches.measure(ours, folder, effort.rounds, effort.seconds)
        beside = batches.alongside(ours, folder, effort.rounds, effort.seconds)
    _say("ingest")
    ingested = ingest.measure(folder, predictions, effort.rounds, effort.seconds / 2)
    _say(f"growth to {effort.records:,} records")
    grown = growth.measure(folder, predictions, effort.records)
    in_postgresql, why = _in_postgresql(folder, predictions, effort.shared_records)
    in_dynamodb, why_not = _in_dynamodb(folder, predictions, effort.exports)
    return Results(
        started=f"{started:%Y-%m-%d %H:%M} UTC",
        machine=facts,
        generator=load.generator(),
        rounds=effort.rounds,
        seconds=effort.seconds,
        load_after=round(os.getloadavg()[0], 2),
        absent={**absent, **why, **why_not},
        serving=served,
        batches=batched,
        alongside=beside,
        ingest=ingested,
        growth=grown,
        postgresql=in_postgresql,
        dynamodb=in_dynamodb,
        served_bytes_per_prediction=_served_bytes(folder),
        version_ms=_version_ms(),
        check_ms=gate.check_ms(),
        recomputation_ms=gate.recomputation_ms(),
    )


def _in_postgresql(folder: Path, predictions: Predictions, records: int) -> tuple[InPostgres | None, dict[str, str]]:
    try:
        return shared_log.measure(folder, predictions, records, _say), {}
    except BenchFailed as failed:
        return None, {POSTGRESQL: str(failed)}


def _in_dynamodb(folder: Path, predictions: Predictions, exports: int) -> tuple[OnDynamo | None, dict[str, str]]:
    try:
        return shared_dynamodb.measure(folder, predictions, _say, exports), {}
    except BenchFailed as failed:
        return None, {DYNAMODB: str(failed)}


def _served_bytes(folder: Path) -> float:
    """Bytes of the store file, closed, for each record in the log that the service wrote."""
    file = folder / "serving" / "state" / "store.db"
    return file.stat().st_size / open_reader(f"sqlite:///{file}").frontier().size


def _version_ms() -> float:
    times: list[float] = []
    for _ in range(9):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "countersign", "--version"], check=False, capture_output=True)
        if done.returncode != 0:
            raise BenchFailed("countersign --version failed")
        times.append((time.perf_counter() - start) * 1e3)
    return sorted(times)[len(times) // 2]


def _say(what: str) -> None:
    print(f"bench: {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
