# SPDX-License-Identifier: Apache-2.0
"""What a re-computation starts from: the bytes and settings that every figure follows from, and nothing else.

`inputs_of` compares each file with its digest on the card before anything reads it: a file that is not the card's is
never parsed, and an artifact that is not the card's is never run.
"""

from typing import Final

from msgspec import Struct

from contracts.model_card import Feature, Output
from contracts.model_card_evidence import Evaluation
from policies.recomputation.evidence_rows import BASELINE, EVALUATION, GROUPS, LABELS, SCORES, TRAINING_ROWS
from policies.recomputation.recomputation import Level
from policies.rules.judgement import Finding
from policies.targets.bundle import BundleTarget

_READ: Final = (EVALUATION, LABELS, GROUPS, SCORES, TRAINING_ROWS, BASELINE)
_NEEDED: Final[dict[Level, tuple[str, ...]]] = {"model": (EVALUATION, LABELS), "predictions": (SCORES, LABELS)}
_BOUNDS: Final = {"seed": (0, 1 << 63), "resamples": (100, 10_000), "calibration_bins": (2, 1_000)}


class Earlier(Struct, frozen=True, kw_only=True):
    """The version before, whose artifact is asked the same rows."""

    version: str
    folder: str
    artifact_file: str
    artifact: bytes
    features: tuple[Feature, ...]
    output: Output
    training_rows: bytes | None


class Inputs(Struct, frozen=True, kw_only=True):
    """Equal inputs give equal figures; `folder` is only for messages."""

    folder: str
    level: Level
    artifact_file: str
    artifact: bytes
    features: tuple[Feature, ...]
    output: Output
    selected_label: str | None
    seed: int
    resamples: int
    confidence: float
    calibration_bins: int
    evaluation: bytes | None
    labels: bytes
    groups: bytes | None
    scores: bytes | None
    training_rows: bytes | None
    baseline: bytes | None
    step: float | None
    earlier: Earlier | None = None


def inputs_of(bundle: BundleTarget) -> Inputs | tuple[Finding, ...]:
    """The inputs of a bundle, or why nothing can be computed from it."""
    card = bundle.card
    evaluation = card.evaluation
    if evaluation is None:
        return (Finding(place=bundle.at("evaluation"), message="the card has no evaluation", wanted="`evaluation`"),)
    level: Level = evaluation.recomputable_from or "model"
    problems = (*_strange_files(bundle), *_missing_files(bundle, level), *_settings(bundle, evaluation))
    if problems:
        return problems
    listed = {item.file for item in card.evidence or ()}
    files = {file: bundle.files[file] if file in listed else None for file in _READ}
    labels = files[LABELS]
    assert labels is not None
    assert None not in (evaluation.seed, evaluation.resamples, evaluation.confidence, evaluation.calibration_bins)
    return Inputs(
        folder=bundle.name,
        level=level,
        artifact_file=card.artifact.file,
        artifact=bundle.artifact,
        features=card.features,
        output=card.output,
        selected_label=(card.fairness.selected_label if card.fairness else None) or card.output.positive,
        seed=evaluation.seed or 0,
        resamples=evaluation.resamples or 0,
        confidence=evaluation.confidence or 0.0,
        calibration_bins=evaluation.calibration_bins or 0,
        evaluation=files[EVALUATION],
        labels=labels,
        groups=files[GROUPS],
        scores=files[SCORES],
        training_rows=files[TRAINING_ROWS],
        baseline=files[BASELINE],
        step=None if evaluation.robustness is None else evaluation.robustness.step,
    )


def _strange_files(bundle: BundleTarget) -> list[Finding]:
    card = bundle.card
    named: list[tuple[tuple[str | int, ...], str, str]] = [
        (("artifact", "sha256"), card.artifact.file, card.artifact.sha256)
    ]
    for place, item in enumerate(card.evidence or ()):
        if item.file in _READ:
            named.append((("evidence", place, "sha256"), item.file, item.sha256))
    return [
        Finding(
            place=bundle.at(*path),
            message=f"{file} is not the file that the card names, so nothing was computed from it",
            seen=digest,
            wanted=bundle.digest(file),
            mend="restore the released file, or train the bundle again",
        )
        for path, file, digest in named
        if bundle.digest(file) != digest
    ]


def _missing_files(bundle: BundleTarget, level: Level) -> list[Finding]:
    listed = {item.file for item in bundle.card.evidence or ()}
    return [
        Finding(
            place=bundle.at("evidence"),
            message=f"the evidence lacks {file}, without which figures cannot be computed from the {level}",
            wanted=f"`- file: {file}` with its digest",
        )
        for file in _NEEDED[level]
        if file not in listed
    ]


def _settings(bundle: BundleTarget, evaluation: Evaluation) -> list[Finding]:
    findings = []
    for key, (low, high) in _BOUNDS.items():
        value: int | None = getattr(evaluation, key)
        if value is None or not low <= value <= high:
            findings.append(
                Finding(
                    place=bundle.at("evaluation", key),
                    message=f"evaluation.{key} is {'missing' if value is None else 'out of range'}",
                    seen=None if value is None else str(value),
                    wanted=f"{low} to {high}: intervals cannot be computed again without it",
                )
            )
    if evaluation.confidence is None or not 0.5 <= evaluation.confidence < 1:
        findings.append(
            Finding(
                place=bundle.at("evaluation", "confidence"),
                message="evaluation.confidence is missing or out of range",
                seen=None if evaluation.confidence is None else str(evaluation.confidence),
                wanted="0.5 to 1, such as 0.95",
            )
        )
    return findings
