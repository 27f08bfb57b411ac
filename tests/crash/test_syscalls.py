# SPDX-License-Identifier: Apache-2.0
"""A real sidecar whose system calls fail or kill it, one call after another, injected with strace.

After each: acknowledged ⊆ log, a restart goes on without help, the log is sound. By default a few occurrences of each
call are tried; `COUNTERSIGN_LONG` tries every one.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from audit_sidecar.stores.url import open_reader
from tests.crash.alone import EXPORTS, Alone, require_tool
from tests.end_to_end.living import await_true

LONG = bool(os.environ.get("COUNTERSIGN_LONG"))


def _strace(*words: str) -> tuple[str, ...]:
    # -D: the sidecar stays our own child, so that signals and exit codes are its own.
    return ("strace", "-D", "-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", *words)


@pytest.fixture(scope="module", autouse=True)
def tracer() -> None:
    """Strace has to be there, and allowed to trace."""
    found = shutil.which("strace")
    works = found and subprocess.run([*_strace("-e", "trace=fsync"), "true"], capture_output=True, check=False)
    require_tool(works and works.returncode == 0, "strace with the right to trace")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How often the busiest thread makes each call while the script runs undisturbed."""
    folder = tmp_path_factory.mktemp("calls")
    alone = Alone(folder)
    trace = folder / "trace"
    try:
        alone.start("strace", "-D", "-f", "-qqq", "--seccomp-bpf", "-o", str(trace), "-e",
                    "trace=fsync,fdatasync,pwrite64,ftruncate")  # fmt: skip
        for seqs in EXPORTS:
            assert alone.export(seqs)[0] == 200
        assert alone.stop() == 0
    finally:
        alone.end()
    alone.check()
    counts: dict[tuple[str, str], int] = {}
    for line in trace.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        call = rest.strip().partition("(")[0]
        counts[thread, call] = counts.get((thread, call), 0) + 1
    return {call: max(n for (_, c), n in counts.items() if c == call) for _, call in counts}


def _run(alone: Alone, call: str, fault: str, when: int) -> None:
    """The script under one injected fault, until its end or the process's."""
    alone.start(*_strace("-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}"))
    for seqs in EXPORTS:
        status, _ = alone.export(seqs)
        if status != 200:
            break
    if alone.ended is None:
        alone.terminate()
    alone.wait()


def _sampled(last: int, most: int) -> list[int]:
    """All occurrences, or a spread of them."""
    if LONG or last <= most:
        return list(range(1, last + 1))
    return [1 + last * step // most for step in range(most)]


@pytest.mark.parametrize("call", ["fdatasync", "fsync", "pwrite64", "ftruncate"])
@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_fault_at_any_call_loses_nothing(tmp_path: Path, calls: dict[str, int], call: str, fault: str) -> None:
    """EIO or SIGKILL at the n-th call of a thread: nothing acknowledged is lost, and a restart takes everything."""
    most = {"fdatasync": 4, "pwrite64": 3}.get(call, 1)
    tried, ended = _sampled(calls[call], most), []
    for when in tried:
        alone = Alone(tmp_path / f"{call}-{when}")
        try:
            _run(alone, call, fault, when)
            ended.append(alone.ended)
            assert "Traceback" not in alone.log(), alone.log()
            alone.recover()
        finally:
            alone.end()
    print(f"{call} {fault}: {len(tried)} of {calls[call]} occurrences, exit codes {sorted(set(ended), key=str)}")
    # A fault that the process outlived unharmed in every try would mean that nothing was injected.
    assert set(ended) != {0} or call in ("fsync", "ftruncate")


def test_a_sync_that_fails_ends_the_process(tmp_path: Path, calls: dict[str, int]) -> None:
    """What is durable is no longer known: not acknowledged, not tried again, exit 1, one line that says why."""
    alone = Alone(tmp_path / "a")
    try:
        when = calls["fdatasync"] * 2 // 3
        alone.start(*_strace("-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={when}"))
        statuses = [alone.export(seqs)[0] for seqs in EXPORTS]
        assert alone.wait() == 1
        assert statuses[-1] in (503, 0)
        assert statuses == sorted(statuses, key=[200, 503, 0].index), "nothing is acknowledged after the failure"
        assert "ends now: the store failed in the middle of a commit" in alone.log()
        before = dict(alone.ledger)
        alone.recover()
        assert before.items() <= alone.ledger.items()
    finally:
        alone.end()


def test_a_full_disk_pushes_back_and_recovers_by_itself(tmp_path: Path, calls: dict[str, int]) -> None:
    """503 with Retry-After while writes fail for want of space, unready, and ready again without a restart."""
    alone = Alone(tmp_path / "a")
    try:
        first = calls["pwrite64"] // 2  # start-up takes the first writes of the writer's thread
        fault = f"inject=pwrite64:error=ENOSPC:when={first}..{first + 20}"
        alone.start(*_strace("-e", "trace=pwrite64", "-e", fault))
        refused = []
        for seqs in EXPORTS:
            status, headers = alone.export(seqs)
            while status != 200:
                assert status == 503, (status, alone.log())
                assert headers["retry-after"] == "1"
                refused.append(alone.get("/readyz").status)
                status, headers = alone.export(seqs)
        assert 503 in refused
        await_true(lambda: alone.get("/readyz").status == 200, "ready again", alone.log)
        assert alone.ended is None
        assert alone.metric("countersign_audit_records_acknowledged_total") == sum(map(len, EXPORTS))
        assert alone.stop() == 0, alone.log()
        sound = alone.check()
        assert sound.kinds["prediction"] == sum(map(len, EXPORTS)) - 1
        assert open_reader(alone.state.store).frontier().size == sound.checkpoint.size
    finally:
        alone.end()
