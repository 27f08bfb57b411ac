# SPDX-License-Identifier: Apache-2.0
"""The command around the gate: what it takes, where its outputs go, and that its exit code never flatters."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from countersign import gate_outputs
from countersign.__main__ import main
from policies.output.formats import FORMATS
from policies.rules.left_out import LEFT_OUT
from policies.rules.loader import load_product
from tests.policies.desk import CHURN, Desk, lay_out
from tests.tree import ROOT

QUICK = ("--profile", "dev", "--no-recomputation", "--as-of", "2026-11-23")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One approved bundle."""
    return lay_out(tmp_path_factory.mktemp("desk"), CHURN)


@pytest.fixture
def run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`countersign check` at that desk, in this process."""
    monkeypatch.chdir(desk.root)

    def called(*words: str) -> int:
        try:
            return main(["check", *words])
        except SystemExit as ended:
            return int(ended.code or 0)

    return called


@pytest.mark.parametrize(
    "words",
    [
        ("--profile", "production"),
        ("--as-of", "tomorrow"),
        ("--as-of", "2026-02-30"),
        ("--as-of", "0001-01-01"),
        ("--target", "helm=chart"),
        ("--target", "manifests"),
        ("--target", "bundle=models"),
        ("--target", "recomputation=models"),
        ("--target", "governance=governance"),
        ("--target", "repository", "--target", "repository=."),
        ("--output", "pdf"),
        ("--output", "json="),
        ("--output", "json", "--output", "sarif"),
        ("--output", "json=gate", "--output", "sarif=./gate"),
        ("--no-recomputation",),
        ("--no-recomputation", "--profile", "staging"),
        ("--explain", "CARD-999"),
        ("--colour",),
    ],
    ids=" ".join,
)
def test_what_is_not_understood_is_usage(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """Exit 64 with one line that says what is taken; nothing is judged."""
    assert run(*words) == 64
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "countersign check: " in printed.err


def test_the_reference_bundle_passes(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments every bundle below models/ is judged."""
    assert run(*QUICK) == 0
    assert f"\n{CHURN}\n" in f"\n{capsys.readouterr().out}"


@pytest.mark.parametrize("place", ["telecom-churn/2.0.0", "gone", "flat/model", "flat"])
def test_no_bundle_below_models_is_left_out_in_silence(run: Callable[..., int], desk: Desk, place: str) -> None:
    """A link that leads nowhere, and a card where no bundle has its place, stop a run that named nothing."""
    models = desk.root / "models"
    if place.startswith("flat"):
        (models / place).mkdir(parents=True)
        (models / place / "card.yaml").write_text("colour: green\n")
    else:
        (models / place).symlink_to("nowhere")
    try:
        assert run(*QUICK) == 2
    finally:
        shutil.rmtree(models / "flat", ignore_errors=True)
        if not place.startswith("flat"):
            (models / place).unlink()


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("yaml", ("check", CHURN)),
        ("msgspec", ("check", CHURN)),
        ("cryptography", ("check", CHURN)),
        ("numpy", ("check", CHURN)),
        ("onnxruntime", ("check", CHURN)),
        ("cryptography", ("attest", CHURN, "--key", "gate.pem", "--out", "verdicts")),
        ("cryptography", ("approve", CHURN, "--as", "me", "--key", "me.pem")),
        ("cryptography", ("verify-verdict", "verdict", "--key", "gate.pub", "--subject", f"a={'0' * 64}")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_package_that_is_missing_is_no_failed_policy(desk: Desk, package: str, words: tuple[str, ...]) -> None:
    """Exit 2 with the package's name, and never Python's own exit code 1, which would say that a policy failed."""
    without = (
        "import sys, importlib.abc, importlib.util\n"
        "class Without(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {package!r}: raise ModuleNotFoundError(name, name={package!r})\n"
        "sys.meta_path.insert(0, Without())\n"
        "find = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {package!r} else find(name, *rest)\n"
        "from countersign.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", without, *words],
        cwd=desk.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert package in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert "please report it" not in ran.stderr


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_exit_code_depends_on_no_output(run: Callable[..., int], tmp_path: Path, name: str) -> None:
    """Every format of a run that passed, failed or was not evaluated leaves the same exit code."""
    for words, code in (((), 0), (("--as-of", "2030-01-01"), 1), (("--target", "argocd=missing"), 2)):
        assert run(*QUICK, *words, "--output", f"{name}={tmp_path / name}") == code
        assert (tmp_path / name).stat().st_size > 0


def test_a_format_takes_standard_output(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Then the text is not printed; other formats still go to their files."""
    assert run(*QUICK, "--output", "json", "--output", "markdown=summary.md") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "passed"
    assert Path("summary.md").exists()


def test_an_earlier_report_does_not_outlive_a_run_without_one(run: Callable[..., int], tmp_path: Path) -> None:
    """Where nothing could be judged, no file of the last run says that it passed."""
    file = tmp_path / "gate.json"
    assert run(*QUICK, "--output", f"json={file}") == 0
    assert run(*QUICK, "--output", f"json={file}", "--governance", "elsewhere") == 2
    assert not file.exists()


def test_an_output_that_cannot_be_written_is_no_pass(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever waits for the file would wait for ever: exit 2, and the text is printed all the same."""
    assert run(*QUICK, "--output", "sarif=missing/gate.sarif") == 2
    printed = capsys.readouterr()
    assert "cannot write missing/gate.sarif" in printed.err
    assert "passed, profile dev" in printed.out


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('profile = "production"\n', 64, "no profile 'production'"),
        ('colour = "red"\n', 2, "colour"),
        ("profile = \n", 2, "settings file"),
        ('governance = "elsewhere"\n', 2, "elsewhere"),
        ('rules = ["elsewhere"]\n', 2, "elsewhere"),
    ],
)
def test_settings_that_ask_for_what_is_not_there(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, said: str
) -> None:
    """An unknown profile is usage; everything else could not be evaluated. Nothing falls back to a default."""
    (tmp_path / "gate.toml").write_text(text)
    assert run("--config", str(tmp_path / "gate.toml")) == code
    assert said in capsys.readouterr().err


def test_one_file_has_a_table_for_each_program(run: Callable[..., int], tmp_path: Path) -> None:
    """The table [check] is the gate's; the service's beside it is not read."""
    (tmp_path / "all.toml").write_text('[serve]\nport = 1\n[check]\nprofile = "dev"\n')
    assert run("--config", str(tmp_path / "all.toml"), "--no-recomputation", "--as-of", "2026-11-23") == 0


def test_a_governance_folder_that_was_named_is_there(run: Callable[..., int]) -> None:
    """The default may be absent; a named one that is missing would lift every waiver and approval unseen."""
    assert run(*QUICK, "--governance", "elsewhere") == 2


def test_a_mistake_of_ours_is_not_a_failed_policy(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python would exit with 1, which means that a policy failed: it is 2, in one line."""

    def broken(name: str) -> None:
        raise ZeroDivisionError(name)

    monkeypatch.setattr(gate_outputs, "renderer", broken)
    assert run(*QUICK) == 2
    err = capsys.readouterr().err
    assert "ZeroDivisionError: text" in err
    assert "Traceback" not in err


def test_a_reader_that_has_gone_changes_no_exit_code(desk: Desk) -> None:
    """`countersign check | head -0` still fails where the gate failed."""
    words = [sys.executable, "-m", "countersign", "check", *QUICK, "--as-of", "2030-01-01"]
    with subprocess.Popen(words, cwd=desk.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_terminal_without_the_characters(desk: Desk) -> None:
    """In a Latin-1 terminal marks are written as escapes, and the exit code stays."""
    ran = desk.run("check", *QUICK, "--as-of", "2030-01-01", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert ran.returncode == 1
    assert "\\u2717 APPR-005" in ran.stdout


@pytest.mark.parametrize(("plain", "painted"), [("", True), ("1", False)])
def test_colours_are_for_terminals(desk: Desk, plain: str, painted: bool) -> None:
    """On a terminal, unless NO_COLOR says otherwise."""
    terminal, shown = os.openpty()
    with os.fdopen(terminal, "rb", closefd=True):
        words = [sys.executable, "-m", "countersign", "check", *QUICK]
        environment = {**os.environ, "NO_COLOR": plain, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(words, cwd=desk.root, stdout=shown, env=environment) as process:
            os.close(shown)
            out = b""
            while True:
                try:
                    part = os.read(terminal, 4096)
                except OSError:  # Linux says so when the other end was closed
                    break
                out += part
                if not part:
                    break
        assert process.returncode == 0
    assert (b"\x1b[" in out) is painted


def test_the_list_names_every_rule_and_what_was_left_out(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """At least seventy rules, and a heading of its own for those that are not there, with reasons."""
    assert run("--list") == 0
    there, left_out = capsys.readouterr().out.split("\nleft out\n")
    rules = load_product()
    assert [line.split()[0] for line in there.splitlines()[: len(rules)]] == [module.rule.id for module in rules]
    for item in LEFT_OUT:
        assert item.id in left_out
    assert len(rules) >= 70


def test_what_was_left_out_says_why(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A rule of the catalogue that is not there is explained by its reason, not called unknown."""
    for item in LEFT_OUT:
        assert run("--explain", item.id.lower()) == 0
        assert item.reason in capsys.readouterr().out


def test_every_rule_explains_itself(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """The page, the mend, and every control with its title and date."""
    for module in load_product():
        assert run("--explain", module.rule.id.lower()) == 0
        page = capsys.readouterr().out
        assert page.startswith(f"{module.rule.id}: ")
        for control in module.rule.controls:
            assert control.reference in page


def test_the_gate_is_light() -> None:
    """Judging without re-computation loads no numerical library."""
    code = (
        "import sys; from countersign.__main__ import main; code = main(sys.argv[1:]);"
        "print(code, [name for name in ('numpy', 'onnxruntime', 'litestar', 'sklearn') if name in sys.modules])"
    )
    words = [
        sys.executable,
        "-c",
        code,
        "check",
        *QUICK,
        "--output",
        "text=/dev/null",
        "--output",
        "cyclonedx=/dev/null",
    ]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.splitlines()[-1].endswith(" []"), ran.stdout + ran.stderr
