# SPDX-License-Identifier: Apache-2.0
"""Two pods on one log in DynamoDB, under load: sidecars are killed, the service throttles, fails and is away.

DynamoDB Local keeps its tables in memory, so that it is not killed itself; what it does is made in a proxy.
"""

from pathlib import Path

import pytest

from audit_sidecar.stores.dynamodb.commits import Commits
from audit_sidecar.stores.dynamodb.location import parse_location
from audit_sidecar.stores.dynamodb.requests import Requests
from audit_sidecar.stores.dynamodb.segments import SHAPE
from audit_sidecar.stores.url import open_reader, store_status
from contracts.identifiers import parse_uuid
from tests.audit_sidecar.stores.dynamodb.faulty_proxy import Fault, FaultyProxy
from tests.audit_sidecar.stores.dynamodb_local import running
from tests.crash.load import Load
from tests.crash.shared_log import export_of_stranger
from tests.end_to_end.living import await_true, countersign
from tests.end_to_end.pods import Pod

_BETWEEN = 15


def test_nothing_that_was_answered_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer has its record where it says, the log is sound, and its index follows it to the end."""
    with running() as server, FaultyProxy(server.endpoint) as proxy:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint)
        keys, store = tmp_path / "keys", server.new_store()
        for command in (
            ("keygen", "--origin", "log.example.com/pods", "--out", str(keys)),
            ("store", "init", store, "--key", str(keys / "log.key")),
        ):
            done = countersign(*command)
            assert done.returncode == 0, done
        pods = [Pod(tmp_path / f"pod{number}", keys, store) for number in range(2)]
        try:
            answers = ordeal(pods, proxy, store)
        finally:
            for pod in pods:
                pod.end()
        reader = open_reader(store)
        for request_id, index, leaf_hash in answers:
            kinds = {record.leaf_index: record for record in reader.about(parse_uuid(request_id))}
            assert kinds[index].leaf.kind == "prediction"
            assert kinds[index].leaf_hash.hex() == leaf_hash
        counts = [count for count in reader.stream_counts(None, None) if count.state.model_id]
        assert len(counts) == 2
        assert all(count.state.ended and count.records == count.last + 1 for count in counts)
        covered = dict(store_status(store))["index"]
        assert not covered.startswith("covers commit 0,"), covered
        verdict = countersign("audit", "fsck", store, "--key", str(keys / "log.vkey"))
        assert (verdict.returncode, "SOUND" in verdict.stdout) == (0, True), verdict


def ordeal(pods: list[Pod], proxy: FaultyProxy, store: str) -> list[tuple[str, int, str]]:
    """Everything that can go wrong, in turn, and enough for an index; what callers were told."""
    for pod in pods:
        pod.start()
    with Load(pods[0].port) as first, Load(pods[1].port) as second:
        for pod in pods:
            both(first, second)
            pod.sidecar.kill()
            pod.sidecar.start()
        for fault in (Fault.THROTTLED, Fault.FAILED_DONE, Fault.UNANSWERED):
            both(first, second)
            proxy.always = fault
            before = proxy.faults
            await_true(lambda before=before: proxy.faults > before + 5, "requests that fail")  # type: ignore[misc]
            if fault is Fault.THROTTLED:
                assert export_of_stranger(pods[0], 1) == (503, "1"), "senders are told to come again"
            proxy.always = None
        both(first, second)
        commits = Commits(Requests(parse_location(store)))
        while commits.newest().n < 2 * SHAPE.commits:
            both(first, second)
    for pod in pods:
        assert pod.sidecar.popen is not None
        assert pod.sidecar.popen.poll() is None, f"a sidecar outlives its store: {pod.sidecar.log()}"
        assert pod.service.stop() == 0, pod.service.log()
    for pod in pods:
        assert pod.sidecar.stop() == 0, pod.sidecar.log()
    return first.answers + second.answers


def both(*loads: Load) -> None:
    """Both services answer."""
    for load in loads:
        load.await_more(_BETWEEN)
