# SPDX-License-Identifier: Apache-2.0
"""Promote a release into its environment: render, judge what was rendered, sign, render under the verdict.

Here nothing is written. What the gate refuses has no files; what it passes has every file of the environment's folder,
the same ones each time as long as the verdict need not be renewed.
"""

import datetime as dt
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from contracts.errors import CountersignError
from contracts.image import Image
from policies.errors import CannotEvaluate
from policies.place import Place
from policies.profiles import PROFILES
from policies.promotion.environment import RENDERED, VERDICT, Environment, Files, write_files
from policies.promotion.keeping import why_renewed
from policies.promotion.objects import object_files
from policies.promotion.release import Release
from policies.promotion.rendering import DRAFT, Under, digest_of, rendered
from policies.report import Case, Report
from policies.rules.rule import TargetKind
from policies.runner.gate import run_gate
from policies.runner.request import Request
from policies.targets.bundle import BundleTarget, read_bundle
from policies.verdict.dsse import verify
from policies.verdict.signing_keys import PrivateKey, PublicKey, key_id
from policies.verdict.statement import Summary, VerdictStatement, decode
from policies.verdict.verdicts import SignedVerdict, Terms, sign_verdicts


class Conditions(NamedTuple):
    """How this run judges and signs."""

    version: str
    """Of Countersign."""
    governance: Path
    rule_folders: tuple[Path, ...]
    now: dt.datetime
    as_of: dt.date
    helm: Path | None = None


class Promotion(NamedTuple):
    """What came of it. ``files`` is the environment's whole folder; None where the gate refuses."""

    report: Report
    files: Files | None = None
    renewed: str | None = None
    """Why there is a new verdict; None where the old one stays."""
    not_after: dt.datetime | None = None


def promote(
    place: Environment, release: Release, before: Mapping[str, bytes], key: PrivateKey, conditions: Conditions
) -> Promotion:
    """Judge a release for an environment whose folder holds ``before``. Raises as the gate does."""
    bundle = read_bundle(release.bundle)
    draft = rendered(release, bundle, DRAFT, conditions.helm)
    report = _judged(place, release, object_files(draft), conditions)
    if not report.passed:
        return Promotion(report)
    terms = Terms(conditions.now, release.valid_days)
    (new,) = sign_verdicts(report, key, terms)
    old = verdict_files(before)
    renewed = why_renewed(old, new, key.public_key(), terms)
    verdicts = _named(new) if renewed is not None else dict(old)
    envelope, summary = read_verdict(verdicts, key.public_key())
    under = Under(envelope.decode("ascii"), summary.resource_uri, digest_of(draft))
    files = folder_of(release, bundle, verdicts, under, conditions.helm)
    return Promotion(report, files, renewed, new.summary.not_after if renewed is not None else None)


def folder_of(
    release: Release, bundle: BundleTarget, verdicts: Mapping[str, bytes], under: Under, helm: Path | None
) -> Files:
    """Every file of the folder under these verdict files. Raises CannotEvaluate if the digest is another under them."""
    final = rendered(release, bundle, under, helm)
    if digest_of(final) != under.manifests:
        raise CannotEvaluate(
            "the objects change with the verdict that they are under, so no verdict can be about them; a value or a "
            "template outside of the gate's own objects names it"
        )
    objects = {f"{RENDERED}/{name}": content for name, content in object_files(final).items()}
    return {**objects, **{f"{VERDICT}/{name}": content for name, content in verdicts.items()}}


def verdict_files(files: Mapping[str, bytes]) -> Files:
    """Those of a folder's files that are the verdict and its companion, by name."""
    start = f"{VERDICT}/"
    return {path.removeprefix(start): content for path, content in files.items() if path.startswith(start)}


def read_verdict(verdicts: Mapping[str, bytes], key: PublicKey) -> tuple[bytes, Summary]:
    """The one verdict among these files and what it says, if this key signed it. Raises CannotEvaluate otherwise."""
    found = [content for name, content in verdicts.items() if name.endswith(".vsa.intoto.jsonl")]
    if len(found) != 1:
        raise CannotEvaluate(f"there are {len(found)} verdicts where there has to be one; promote again")
    try:
        payload = verify(found[0], {key_id(key): key}).payload
        return found[0], decode(payload, VerdictStatement).predicate
    except CountersignError as error:
        raise CannotEvaluate(f"the verdict cannot be used: {error}; promote again") from None


def _judged(place: Environment, release: Release, objects: Files, conditions: Conditions) -> Report:
    """The gate over the very files that are to be applied, reported as if they lay in their place."""
    shown = str(place.folder / RENDERED)
    with tempfile.TemporaryDirectory(prefix="countersign-promotion-") as scratch:
        draft = Path(scratch) / RENDERED
        write_files(draft, objects)
        named: dict[TargetKind, str] = {"manifests": str(draft)}
        if release.argocd:
            named["argocd"] = release.argocd
        request = Request(
            version=conditions.version,
            profile=PROFILES[release.profile],
            as_of=conditions.as_of,
            bundles=(release.bundle,),
            named=named,
            images=tuple(image for part in release.images if isinstance(image := release.image(part), Image)),
            governance=conditions.governance,
            rule_folders=conditions.rule_folders,
        )
        return _moved(run_gate(request), str(draft), shown)


def _moved(report: Report, draft: str, shown: str) -> Report:
    def name(text: str) -> str:
        return text.replace(draft, shown, 1) if text.startswith(draft) else text

    def place(at: Place) -> Place:
        return replace(at, file=name(at.file))

    def case(item: Case) -> Case:
        findings = tuple(replace(finding, place=place(finding.place)) for finding in item.findings)
        return replace(item, target=name(item.target), findings=findings)

    return replace(
        report,
        targets=tuple(replace(item, name=name(item.name)) for item in report.targets),
        cases=tuple(case(item) for item in report.cases),
        unreadable=tuple(replace(item, name=name(item.name), place=place(item.place)) for item in report.unreadable),
    )


def _named(verdict: SignedVerdict) -> Files:
    return {
        f"{verdict.stem}.vsa.intoto.jsonl": verdict.verdict,
        f"{verdict.stem}.test-result.intoto.jsonl": verdict.test_result,
    }
