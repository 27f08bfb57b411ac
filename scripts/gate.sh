#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gate as a step of a hosted workflow: annotations on standard output, a summary page, reports and verdicts in one
# folder. Inputs come as GATE_… variables, never as text of a script, so that none of them can become a command.
set -euo pipefail

folder="$RUNNER_TEMP/countersign"
rm -rf "$folder"
mkdir -p "$folder"

arguments=(--profile "$GATE_PROFILE")
# Words and globs are meant to be split and matched; what matches nothing stays as it is, and cannot be read.
for bundle in $GATE_BUNDLES; do arguments+=("$bundle"); done
for target in $GATE_TARGETS; do arguments+=(--target "$target"); done
[ -z "$GATE_AS_OF" ] || arguments+=(--as-of "$GATE_AS_OF")
[ -z "$GATE_GOVERNANCE" ] || arguments+=(--governance "$GATE_GOVERNANCE")
[ -z "$GATE_CONFIG" ] || arguments+=(--config "$GATE_CONFIG")
for output in sarif=gate.sarif junit=gate.junit.xml json=gate.json markdown=gate.md cyclonedx=models.cdx.json; do
  arguments+=(--output "${output%%=*}=$folder/${output#*=}")
done

command=(check)
key=""
if [ -n "$GATE_SIGNING_KEY" ]; then
  key="$(mktemp)" # readable by its owner alone
  trap 'rm -f "$key"' EXIT
  printf '%s\n' "$GATE_SIGNING_KEY" >"$key"
  command=(attest --key "$key" --out "$folder/verdicts")
fi
unset GATE_SIGNING_KEY

# -P: a folder of the repository that is judged must not stand in for a package of the gate.
code=0
PYTHONPATH="$GATE_SOURCE" "$GATE_PYTHON" -P -m countersign "${command[@]}" --output github "${arguments[@]}" || code=$?

# What is already deployed, or about to be: each environment's folder is what its verdict is about, and that still holds.
compared=""
for environment in $GATE_ENVIRONMENTS; do
  arguments=("$environment" --check)
  [ -z "$GATE_AS_OF" ] || arguments+=(--as-of "$GATE_AS_OF")
  status=0
  PYTHONPATH="$GATE_SOURCE" "$GATE_PYTHON" -P -m countersign promote "${arguments[@]}" || status=$?
  if [ "$status" -eq 0 ]; then word="as attested"; else word="not what its verdict is about, or no longer (exit code $status)"; fi
  [ "$status" -eq 0 ] || echo "::error title=environment $environment::$word; promote it again"
  compared+="- environment \`$environment\`: $word"$'\n'
  [ "$code" -ne 0 ] || code=$status
done

{
  echo "exit-code=$code"
  echo "folder=$folder"
  [ ! -s "$folder/gate.sarif" ] || echo "sarif=$folder/gate.sarif"
} >>"$GITHUB_OUTPUT"
if [ -s "$folder/gate.md" ]; then
  cat "$folder/gate.md" >>"$GITHUB_STEP_SUMMARY"
else
  echo "The gate gave no report, exit code $code; the log of the step says why." >>"$GITHUB_STEP_SUMMARY"
fi
[ -z "$compared" ] || printf '\n%s' "$compared" >>"$GITHUB_STEP_SUMMARY"
exit "$code"
