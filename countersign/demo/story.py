# SPDX-License-Identifier: Apache-2.0
"""The demonstration, step by step. Each step does something real, shows it, and fails loudly if it is not so."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from contracts.bundle import Bundle
from countersign.demo.client import Client, Reply
from countersign.demo.processes import DemoFailed, Running, countersign
from countersign.demo.tamper import copy_with_flipped_byte
from countersign.stack import Stack

_SINGLES: Final = 200
_BATCH: Final = 100
_COVERED_SECONDS: Final = 10


class Story:
    """One run over one fresh stack."""

    def __init__(self, stack: Stack, bundle: Bundle, requests: Sequence[dict[str, Any]], folder: Path) -> None:
        self._stack = stack
        self._bundle = bundle
        self._requests = requests
        self._folder = folder
        self._sidecar = Running(stack.sidecar(), folder / "sidecar.log")
        self._service = Running(stack.service(), folder / "service.log")
        self._client = Client(stack.port)
        self._answer: dict[str, Any] = {}
        self._step = 0

    def tell(self) -> None:
        """Run every step; DemoFailed names the first that does not hold."""
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Two processes start", self._start),
            ("Predictions, each answered only after its evidence is durable", self._predict),
            ("One answer", self._show_answer),
            ("Its record, as an auditor finds it", self._show_record),
            ("Its receipt, verified offline with nothing but the log's public key", self._verify),
            ("Is anything missing?", self._completeness),
            ("The sidecar is killed: no evidence, no answer", self._withhold),
            ("The sidecar is back: the log goes on, and says what was withheld", self._recover),
            ("One byte is flipped in a copy of the store", self._tamper),
        )
        try:
            for title, step in steps:
                self._step += 1
                print(f"\n{self._step}  {title}")
                step()
        finally:
            self._service.stop()
            self._sidecar.stop()

    def _start(self) -> None:
        self._sidecar.start()
        self._service.start()
        card = self._bundle.card
        print(f"   service {self._stack.url} serves {card.model_id} {card.version}")
        print("   sidecar keeps its evidence, reached over a private unix socket")

    def _predict(self) -> None:
        started = time.perf_counter()
        for request in self._requests[:_SINGLES]:
            reply = _expect(self._client.post("/predict", request), 200)
            self._answer = reply.body
        singles = time.perf_counter() - started
        rows = list(self._requests[_SINGLES : _SINGLES + _BATCH])
        batch = _expect(self._client.post("/predict/batch", {"instances": rows}), 200)
        if len(batch.body["predictions"]) != len(rows):
            raise DemoFailed("the batch was not answered row by row")
        print(
            f"   {_SINGLES} customers one by one: {singles / _SINGLES * 1000:.1f} ms each, evidence fsynced every time"
        )
        print(f"   {len(rows)} customers in one batch, each with a record of its own")

    def _show_answer(self) -> None:
        shown = self._answer | {"reasons": [*self._answer.get("reasons", [])[:2], "…"]}
        for line in json.dumps(shown, indent=2, ensure_ascii=False).splitlines():
            print(f"   {line}")

    def _show_record(self) -> None:
        self._run("audit", "show", self._stack.audit_url, self._request_id, lines=14)

    def _verify(self) -> None:
        receipt, answer = self._folder / "receipt.json", self._folder / "answer.json"
        receipt.write_text(json.dumps(self._receipt()))
        answer.write_text(json.dumps(self._answer))
        key = str(self._stack.state.log_vkey)
        self._run("audit", "verify", str(receipt), "--key", key, "--answer", str(answer))

    def _completeness(self) -> None:
        self._run("audit", "completeness", self._stack.audit_url)

    def _withhold(self) -> None:
        self._sidecar.kill()
        print("   $ kill -9 (sidecar)")
        for _ in range(2):
            started = time.perf_counter()
            reply = _expect(self._client.post("/predict", self._requests[0]), 503)
            waited = time.perf_counter() - started
            print(f"   503 after {waited:.2f} s, Retry-After {reply.retry_after}: {reply.body['detail']}")

    def _recover(self) -> None:
        self._sidecar.start()
        deadline = time.monotonic() + _COVERED_SECONDS
        reply = self._client.post("/predict", self._requests[0])
        while reply.status != 200:
            if time.monotonic() > deadline:
                raise DemoFailed(f"the service did not recover: {reply.body}")
            time.sleep(0.1)
            reply = self._client.post("/predict", self._requests[0])
        print(f"   200, leaf {reply.body['evidence']['index']}")
        self._run("audit", "search", self._stack.audit_url, "--kind", "withheld")
        self._service.stop()
        self._sidecar.stop()
        print("   both processes drain; only the killed one has written no end")
        self._run("audit", "completeness", self._stack.state.store)

    def _tamper(self) -> None:
        copy = self._folder / "tampered.db"
        print(f"   {copy_with_flipped_byte(self._stack.state.store_file, copy, self._answer['evidence']['index'])}")
        key = str(self._stack.state.log_vkey)
        said = self._run("audit", "fsck", f"sqlite:///{copy}", "--key", key, expected=1)
        if f"leaf {self._answer['evidence']['index']}" not in said:
            raise DemoFailed("fsck did not name the leaf that was tampered with")
        print("   and the store itself, compared with the receipt handed out before:")
        receipt = str(self._folder / "receipt.json")
        self._run("audit", "fsck", self._stack.state.store, "--key", key, "--against", receipt)

    @property
    def _request_id(self) -> str:
        return str(self._answer["request_id"])

    def _receipt(self) -> Any:
        deadline = time.monotonic() + _COVERED_SECONDS
        reply = self._client.get(f"/predict/{self._request_id}/receipt")
        while reply.status == 202 and time.monotonic() < deadline:
            time.sleep(0.1)  # a checkpoint is signed every second
            reply = self._client.get(f"/predict/{self._request_id}/receipt")
        return _expect(reply, 200).body

    def _run(self, *arguments: str, expected: int = 0, lines: int = 0) -> str:
        shown = " ".join(argument.replace(str(self._folder), "$DEMO") for argument in arguments)
        print(f"   $ countersign {shown}")
        code, output = countersign(*arguments)
        printed = output.replace(str(self._folder), "$DEMO").splitlines()
        for line in printed[: lines or None]:
            print(f"     {line}")
        if lines and len(printed) > lines:
            print(f"     … {len(printed) - lines} more lines")
        if code != expected:
            raise DemoFailed(f"'countersign {shown}' exited with {code}, not {expected}")
        return output


def _expect(reply: Reply, status: int) -> Reply:
    if reply.status != status:
        raise DemoFailed(f"the service answered {reply.status}, not {status}: {reply.body}")
    return reply
