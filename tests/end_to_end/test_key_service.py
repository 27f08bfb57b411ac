# SPDX-License-Identifier: Apache-2.0
"""A whole stack whose log key lives in a key service: it may be away, and answers go on; it may not lie."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit_sidecar.tlog.checkpoint import peek_checkpoint
from contracts import metrics as names
from tests.end_to_end.living import LOYAL, Living, ask, await_true, await_value, countersign
from tests.key_service import ARN, KeyService, serving


class KeptAway(Living):
    """A stack that never sees its own log key."""

    def __init__(self, folder: Path, service: KeyService) -> None:
        state = folder / "state"
        made = countersign("keygen", "--origin", "log.example.com/kms", "--out", str(state), "--kms", ARN)
        assert made.returncode == 0, made
        store = f"sqlite:///{state}/store.db"
        assert countersign("store", "init", store, "--key", str(state / "log.key")).returncode == 0
        super().__init__(folder)
        self.keys = service

    def signed(self) -> int:
        """Leaves that the newest checkpoint covers."""
        reply = ask("GET", f"{self.stack.audit_url}/log/checkpoint")
        return peek_checkpoint(reply.body).size if reply.status == 200 else 0

    def signed_at(self) -> float:
        """When it was signed, as the metric tells."""
        lines = ask("GET", f"{self.stack.audit_url}/metrics").body.decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{names.AUDIT_CHECKPOINT_TIME} ")))

    def answered(self) -> str:
        """Answer once; the request id."""
        reply = self.predict(LOYAL)
        assert reply.status == 200, reply
        return str(reply.body["request_id"])


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptAway]:
    """A key service, and a stack that finds it; not started."""
    service = KeyService()
    with serving(service) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        made = KeptAway(tmp_path, service)
        try:
            yield made
        finally:
            made.end()


def test_a_log_that_is_signed_elsewhere_is_a_log_like_any(stack: KeptAway, tmp_path: Path) -> None:
    """Receipts verify with the public half alone, fsck is sound, and no private key lies in the stack's folder."""
    stack.start()
    receipt = tmp_path / "receipt"
    receipt.write_bytes(stack.receipt(stack.answered()))
    stack.stop()
    key = ("--key", str(stack.state.log_vkey))
    assert countersign("audit", "verify", str(receipt), *key).returncode == 0
    assert stack.fsck().returncode == 0
    assert "PRIVATE" not in stack.state.log_key.read_text()
    assert {asked["operation"] for asked in stack.keys.asked} == {"GetPublicKey", "Sign"}


def _deny(service: KeyService) -> None:
    service.denied = True


def _hang(service: KeyService) -> None:
    service.answers.clear()


def _recover(service: KeyService) -> None:
    service.denied = False
    service.answers.set()


@pytest.mark.parametrize("fails", [_deny, _hang])
def test_while_it_does_not_sign_answers_go_on(stack: KeptAway, fails: Callable[[KeyService], None]) -> None:
    """Evidence is durable and so the stack is ready; receipts wait, the checkpoint's age and one line say why."""
    stack.start()
    stack.receipt(stack.answered())
    await_true(lambda: stack.signed() == stack.evidence().reader.frontier().size, "all is signed")
    fails(stack.keys)
    size, time = stack.signed(), stack.signed_at()
    late = [stack.answered() for _ in range(10)]
    asked = len(stack.keys.asked)
    await_true(lambda: "no checkpoint is signed or shown: the log key" in stack.sidecar.log(), "it says so")
    await_true(lambda: len(stack.keys.asked) > asked + 1, "it tries again")
    assert stack.get(f"/predict/{late[0]}/receipt").status == 202
    assert (stack.signed(), stack.signed_at()) == (size, time)
    assert stack.sidecar.is_ready()
    assert stack.service.is_ready()
    assert stack.answered()
    _recover(stack.keys)
    assert stack.receipt(late[-1])
    await_value(stack.signed_at, lambda found: found > time)
    assert stack.sidecar.log().count("no checkpoint is signed") == 1
    stack.stop()
    assert stack.fsck().returncode == 0


def test_a_service_that_signs_something_else_ends_the_sidecar(stack: KeptAway) -> None:
    """What it gave is never shown; the next start goes on from the last checkpoint that was right."""
    stack.start()
    stack.receipt(stack.answered())
    stack.keys.forges = True
    stack.answered()
    assert stack.sidecar.wait() == 1
    assert "not its own" in stack.sidecar.log()
    assert stack.fsck().returncode == 0
    stack.keys.forges = False
    stack.sidecar.start()
    stack.receipt(stack.answered())
    stack.stop()
    assert stack.fsck().returncode == 0


def test_without_its_public_key_no_sidecar_starts(stack: KeptAway) -> None:
    """A service that does not know the caller is told by the right that is missing."""
    stack.keys.denied = True
    stack.sidecar.spawn()
    assert stack.sidecar.wait() == 2
    assert "kms:GetPublicKey" in stack.sidecar.log()
