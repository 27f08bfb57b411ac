# SPDX-License-Identifier: Apache-2.0
"""Prints a stack's outputs as values of the chart: ``python -m scripts.values_from_stack STACK [PROJECT]``.

Asks `pulumi` on PATH for the outputs, so the stack has to be up and its state readable; nothing is changed.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import yaml

from contracts.errors import SettingInvalid
from infra_pulumi.chart_values import PROMOTED, Outputs, chart_values, read_outputs

PROJECT: Final = Path(__file__).resolve().parent.parent / "infra_pulumi"


def main(arguments: list[str]) -> int:
    """0 with values on standard output, 1 with one line on standard error."""
    if not 1 <= len(arguments) <= 2 or not arguments[0]:
        print("usage: make values-from-stack STACK=prod > values.yaml", file=sys.stderr)
        return 1
    try:
        project = Path(arguments[1]) if len(arguments) == 2 else PROJECT
        print(written(arguments[0], read_outputs(asked(arguments[0], project))), end="")
    except SettingInvalid as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def asked(stack: str, project: Path) -> str:
    """The stack's outputs as Pulumi prints them. SettingInvalid when it prints none."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise SettingInvalid("pulumi is not on PATH; install it, and log in to where the stack's state is")
    command = [pulumi, "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=project)
    if ran.returncode != 0:
        raise SettingInvalid(f"pulumi has no outputs of the stack {stack}: {' '.join(ran.stderr.split())}")
    return ran.stdout


def written(stack: str, outputs: Outputs) -> str:
    """The values as a file, which says what else is needed."""
    heading = (
        f"# Values of the stack {stack}: lay them over those of the environment.\n"
        f"# The roles trust the release countersign in the namespace {outputs.namespace}, and no other.\n"
        f"# A release brings the rest: {', '.join(PROMOTED)}.\n"
        f"# The log key is no value but a Secret: countersign keygen --origin NAME --out keys --kms {outputs.log_key}\n"
    )
    return heading + yaml.safe_dump(chart_values(outputs), sort_keys=False, width=200)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
