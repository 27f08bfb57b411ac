# SPDX-License-Identifier: Apache-2.0
"""What a run found becomes a verdict on each budget; nothing that is missing counts as kept."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import report
from bench.batches import Alongside, Batched
from bench.growth import Found, Grown, Window
from bench.ingest import Ingested
from bench.machine import Machine
from bench.results import Figure, Results, figures
from bench.serving import ECHO, KSERVE, OURS, SEED, Served
from bench.shared_dynamodb import DYNAMODB, Indexed, InDynamo, OnDynamo
from bench.shared_log import InPostgres
from bench.sharing import POSTGRESQL, SQLITE, Shared


def served(server: str, rate: float) -> list[Served]:
    """A server at every number of connections."""
    return [Served(server, c, rate, rate - 1, rate + 1, 1.0, 2.0, [10.0], [100.0]) for c in (64, 16, 1)]


SHARED = InPostgres(
    "PostgreSQL 15",
    [Shared(store, count, 64, rate, rate / count * 0.9, rate / count * 1.1, 1.0, 2.0, 3.0)
     for store, count, rate in ((SQLITE, 1, 9e3), (POSTGRESQL, 1, 8e3), (POSTGRESQL, 2, 7e3), (POSTGRESQL, 4, 6e3))],
    [Window(50_000, 8e3)], [Found("a page by subject", 50_000, 1.0, 2.0)], 600.0,
)  # fmt: skip


ON_DYNAMO = OnDynamo(
    16,
    [InDynamo(SQLITE, 1, 9e3, 9e3, 9e3, 1.0, 2.0)]
    + [InDynamo(DYNAMODB, count, rate, rate / count * 0.7, rate / count * 1.1, 90.0, 900.0, 1.1, 6.0, 9.0, 0.1, 0.2)
       for count, rate in ((1, 1e3), (4, 2e3), (10, 3e3))],
    Indexed(9_000, 4e3, 0.05, 0.07),
)  # fmt: skip


def results(
    absent: dict[str, str] | None = None,
    peers: tuple[str, ...] = (SEED, ECHO, KSERVE),
    shared: InPostgres | None = SHARED,
    dynamodb: OnDynamo | None = ON_DYNAMO,
) -> Results:
    """A run in which we make 8,000 requests a second and every peer 1,000."""
    windows = [Window(at, 40_000.0 if at <= 200_000 else 20_000.0) for at in range(50_000, 1_050_000, 50_000)]
    return Results(
        started="2026-01-01 00:00 UTC",
        machine=Machine("cpu", 2, 4.0, "6", "3.11", "ext4", 0.2, 0.4, 0.1),
        generator="wrk", rounds=1, seconds=1.0, load_after=0.2, absent=absent or {},
        serving=[row for name, rate in ((OURS, 8000.0), *((peer, 1000.0) for peer in peers))
                 for row in served(name, rate)],
        batches=[Batched(rows, 19_000.0, 1.0, 2.0, 3.0, 4.0) for rows in (1, 100, 1_000, 10_000)],
        alongside=Alongside(2.0, 10.0, 100.0, 15_000.0),
        ingest=[Ingested(group, 70_000.0, 1.0, 2.0, 3.0, 30.0, 14.0) for group in (1, 4, 16, 64, 256, 1_024)],
        growth=Grown(
            windows, [Found("inclusion proof", 1_000_000, 1.0, 3.0)], 480.0, 1_000_000, 20.0, 90.0, 9e3, 100_000
        ),
        postgresql=shared, dynamodb=dynamodb,
        served_bytes_per_prediction=490.0, version_ms=40.0, check_ms=400.0, recomputation_ms=2_000.0,
    )  # fmt: skip


def verdicts(run: Results) -> dict[str, bool | None]:
    """By the beginning of each line."""
    return {figure.what: figure.met for figure in figures(run)}


def test_each_budget_is_judged_in_its_own_direction() -> None:
    """Rates have to reach their budget, times and bytes to stay below."""
    found = verdicts(results())
    assert found[f"`POST /predict`, 64 connections, against {SEED}"] is True
    assert found["batches of 1,000, durable predictions"] is False
    assert found["single predictions meanwhile, p99 against p50"] is False
    assert found["p99 of an acknowledgement, groups of 64"] is False
    assert found["storage of a prediction, indexes included"] is True
    assert found["inclusion proof, p50"] is True


def test_growth_compares_the_end_with_a_hundred_thousand() -> None:
    """Half the rate at the end is half, and misses the budget."""
    (growth,) = [figure for figure in figures(results()) if figure.what.startswith("ingest at")]
    assert growth.found == pytest.approx(0.5)
    assert growth.met is False


def test_an_absent_peer_is_told_and_never_counts_as_met() -> None:
    """The line stays, says why, and the table of servers says it too."""
    run = results({KSERVE: "could not be installed"}, (SEED, ECHO))
    (line,) = [figure for figure in figures(run) if KSERVE in figure.what]
    assert (line.found, line.met, line.note) == (None, None, "could not be installed")
    text = report.markdown(run)
    assert "not measured: could not be installed" in text
    assert "not measured" in text.split(KSERVE)[1].splitlines()[0]


def test_a_shared_log_has_to_be_fast_and_fair() -> None:
    """Both are budgets of four sidecars; where there is no PostgreSQL a line says so and neither counts as met."""
    found = verdicts(results())
    assert found["PostgreSQL store, 4 sidecars on one log"] is True
    assert found["… the slowest against the fastest"] is True
    missing = results({POSTGRESQL: "postgres is missing: run make tools"}, shared=None)
    assert verdicts(missing)["PostgreSQL store, 4 sidecars on one log"] is None
    text = report.markdown(missing)
    assert "Not measured: postgres is missing" in text
    assert f"| {POSTGRESQL} | – |" not in text, "it is no server that was compared"


def test_ten_sidecars_have_to_be_as_fast_as_one_and_fair_and_in_time() -> None:
    """Three budgets; where there is no DynamoDB Local a line says so and none counts as met."""
    budgets = [
        figure for figure in figures(results()) if figure.what.startswith(("DynamoDB", "… its slowest", "… p99"))
    ]
    assert [figure.met for figure in budgets] == [True] * 3
    text = report.markdown(results())
    assert "| DynamoDB | 10 | 3,000 | 0.64 | 90 | 900 | 1.10 | 6.0 |" in text
    assert "4,000 leaves/s, with 0.050 items" in text
    missing = results({DYNAMODB: "dynamodb-local is missing: run make tools"}, dynamodb=None)
    assert [figure.met for figure in figures(missing) if figure.note.startswith("dynamodb-local is")] == [None] * 3
    assert "Not measured: dynamodb-local is missing" in report.markdown(missing)


@pytest.mark.parametrize(("found", "at_least", "met"), [(5.0, True, True), (5.0, False, True), (None, True, None)])
def test_a_figure_on_its_budget_keeps_it(found: float | None, at_least: bool, met: bool | None) -> None:
    """Equal is enough; nothing found is neither."""
    assert Figure("x", found, "s", 5.0, at_least).met is met


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    """Markdown, JSON, CSV with one line a figure, and an SVG that is XML."""
    run = results()
    assert report.write(run, tmp_path) == (tmp_path / "latest.md").read_text("utf-8")
    assert json.loads((tmp_path / "latest.json").read_text())["machine"]["file_system"] == "ext4"
    assert len((tmp_path / "latest.csv").read_text().splitlines()) == 1 + len(figures(run))
    assert ET.parse(tmp_path / "latest.svg").getroot().tag.endswith("svg")
