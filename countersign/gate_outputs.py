# SPDX-License-Identifier: Apache-2.0
"""``--output FORMAT[=FILE]`` of `check` and `attest`: any number of files, and one format on standard output."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from countersign.gate_arguments import UsageMistake, evaluate
from policies.errors import CannotEvaluate
from policies.output.formats import FORMATS, renderer
from policies.report import Report

Output = tuple[str, Path | None]
"""A format, and the file that it goes to; None for standard output."""


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the report goes, in which formats."""
    parser.add_argument(
        "--output",
        metavar="FORMAT[=FILE]",
        type=_output,
        action="append",
        default=[],
        help=f"{', '.join(FORMATS)}; may be repeated",
    )


def report_on(arguments: argparse.Namespace, command: str) -> tuple[Report, bool]:
    """Judge what the arguments name and print it; the report, and whether every file of it is there now.

    Raises what `evaluate` does, and UsageMistake where two outputs go to one place.
    """
    shown = printed_format(arguments.output)
    _forget(arguments.output)
    report = evaluate(arguments)
    written = [_write(report, name, file, command) for name, file in arguments.output if file is not None]
    print_text(_rendered(report, shown))
    return report, all(written)  # one that fails keeps none of the others from being written


def printed_format(outputs: Sequence[Output]) -> str:
    """The format that standard output takes; text where none does. Raises UsageMistake where two go to one place."""
    named = [name for name, file in outputs if file is None]
    if len(named) > 1:
        raise UsageMistake(f"{' and '.join(named)} both go to standard output; give one of them a file")
    files = [file.absolute() for _, file in outputs if file is not None]
    twice = next((file for number, file in enumerate(files) if file in files[:number]), None)
    if twice is not None:
        raise UsageMistake(f"two outputs go to {twice}; give each a file of its own")
    return named[0] if named else "text"


def _forget(outputs: Sequence[Output]) -> None:
    """Remove what an earlier run wrote: a run that cannot report must not leave the last one's success behind."""
    for _, file in outputs:
        if file is not None and file.is_file():  # no device, no pipe
            try:
                file.unlink()
            except OSError as error:
                raise CannotEvaluate(f"cannot replace {file}: {error.strerror or type(error).__name__}") from None


def _rendered(report: Report, name: str) -> str:
    """The report in a format, painted where a terminal shows colours."""
    if name == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from policies.output.text import render_painted

        return render_painted(report)
    return renderer(name)(report)


def print_text(text: str) -> None:
    """Print, also where the terminal lacks a character, and where the reader has gone: the exit code stays."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # Without this the interpreter complains once more while it flushes.
        sys.stdout = None


def _write(report: Report, name: str, file: Path, command: str) -> bool:
    """Whether it is there; why not is on stderr."""
    try:
        file.write_text(renderer(name)(report), "utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        print(
            f"countersign {command}: cannot write {file}: {reason}; mend the path of --output {name}", file=sys.stderr
        )
        return False
    return True


def _output(text: str) -> Output:
    name, equals, file = text.partition("=")
    if name not in FORMATS or (equals and not file):
        raise argparse.ArgumentTypeError(f"{text!r} is not FORMAT or FORMAT=FILE; formats: {', '.join(FORMATS)}")
    return name, Path(file) if file else None
