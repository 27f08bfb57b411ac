# SPDX-License-Identifier: Apache-2.0
"""C14 to C16: a receiver that cannot take more says so in the words that senders retry on, and keeps what it took."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from google.rpc.code_pb2 import UNAVAILABLE

from tests.conformance.receiver.receivers import Sidecar, collector, sidecar, to_nowhere
from tests.conformance.receiver.sending import PROTOBUF, GrpcAnswer, HttpAnswer, Target, call, export, post, span_id
from tests.end_to_end.living import await_true

SENDERS = 24
Answer = TypeVar("Answer", HttpAnswer, GrpcAnswer)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    """A sidecar in which at most one record may wait."""
    with sidecar(tmp_path_factory.mktemp("narrow"), queue_records=1) as started:
        yield started


def _press(send: Callable[[int], Answer], took: Callable[[Answer], bool]) -> tuple[Answer, set[int]]:
    """Send from many sides at once until one is refused; the refusal, and which exports were taken."""
    refusals: list[Answer] = []
    taken: set[int] = set()
    numbers = count(1)

    with ThreadPoolExecutor(SENDERS) as threads:

        def round_of_exports() -> bool:
            batch = [next(numbers) for _ in range(SENDERS)]
            for number, answer in zip(batch, threads.map(send, batch), strict=True):
                if took(answer):
                    taken.add(number)
                else:
                    refusals.append(answer)
            return bool(refusals)

        await_true(round_of_exports, "a refusal under pressure")
    return refusals[0], taken


def _require_kept(narrow: Sidecar, name: str, taken: set[int]) -> None:
    expected = {span_id(name, number) for number in taken}
    found = [span.span_id for span in narrow.kept(name)]
    assert sorted(found) == sorted(expected), "what was acknowledged is kept, once, and nothing else is"


def test_over_http_it_is_503_with_retry_after(narrow: Sidecar) -> None:
    """503, Retry-After in whole seconds, a Status that says UNAVAILABLE; the same export goes in later."""
    refusal, taken = _press(
        lambda number: post(narrow.tcp, export("http", number)), lambda answer: answer.status == 200
    )
    error = refusal.error()
    assert (refusal.status, refusal.media_type) == (503, PROTOBUF)
    assert int(refusal.headers["retry-after"]) >= 1
    assert error is not None
    assert (error.code, error.message != "") == (UNAVAILABLE, True)
    _require_kept(narrow, "http", taken)
    missing = next(number for number in count(1) if number not in taken)
    await_true(lambda: post(narrow.tcp, export("http", missing)).status == 200, "the refused export goes in")
    _require_kept(narrow, "http", taken | {missing})


def test_over_grpc_it_is_unavailable_with_retry_info(narrow: Sidecar) -> None:
    """UNAVAILABLE, with RetryInfo both where Go and Java and where Python look for it."""
    refusal, taken = _press(lambda number: call(narrow.tcp, export("grpc", number)), lambda answer: answer.code == "OK")
    assert (refusal.code, refusal.details, refusal.retry_for_python) == ("UNAVAILABLE", frozenset({"RetryInfo"}), True)
    _require_kept(narrow, "grpc", taken)


def test_the_collector_says_less(tmp_path: Path) -> None:
    """With its backend gone it answers 503 and UNAVAILABLE as ours does, but without a time to come again."""
    with collector(tmp_path, to_nowhere) as started:
        target: Target = started.target
        answer = post(target, export("lost"))
        assert (answer.status, answer.media_type, "retry-after" in answer.headers) == (503, PROTOBUF, False)
        refusal = call(target, export("lost"))
        assert (refusal.code, refusal.details, refusal.retry_for_python) == ("UNAVAILABLE", frozenset(), False)
