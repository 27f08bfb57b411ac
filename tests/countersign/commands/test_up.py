# SPDX-License-Identifier: Apache-2.0
"""What ``up`` refuses before it makes anything, and what it tells a person to type."""

from pathlib import Path

import pytest

from contracts.address import free_ports
from contracts.bundle import load_bundle
from countersign.__main__ import EXIT_REFUSED, main
from countersign.commands.up import _welcome
from countersign.stack import Stack
from countersign.state import State
from tests.tree import ROOT

BUNDLE = ROOT / "models" / "telecom-churn" / "1.0.0"


@pytest.mark.parametrize("ports", [("70000", "0"), ("-1", "0"), ("0", "65536"), ("same", "same")])
def test_ports_that_cannot_be_had_are_refused(
    tmp_path: Path, ports: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and nothing is left behind."""
    taken = str(free_ports(1)[0])
    port, audit_port = (taken if port == "same" else port for port in ports)
    data = tmp_path / "data"
    arguments = ["--bundle", str(BUNDLE), "--data", str(data), f"--port={port}", f"--audit-port={audit_port}"]
    assert main(["up", *arguments]) == EXIT_REFUSED
    assert capsys.readouterr().err.startswith("countersign up: cannot listen on 127.0.0.1:")
    assert not data.exists()


@pytest.mark.parametrize("tokens", [None, "tokens.toml"])
def test_the_line_to_try_carries_a_token_where_one_is_needed(tokens: str | None) -> None:
    """What is printed answers when it is pasted."""
    stack = Stack(BUNDLE, State(Path("data")), 1, 2, 3, tokens)
    assert ('-H "authorization: Bearer $TOKEN"' in _welcome(stack, load_bundle(BUNDLE).card)) is (tokens is not None)
