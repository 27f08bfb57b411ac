# SPDX-License-Identifier: Apache-2.0
"""Papers that stand elsewhere: each has a reference, an issuer and a date, and no two are the same paper."""

import datetime as dt
from collections.abc import Iterable, Iterator

from contracts.model_card import ModelCard
from contracts.model_card_assurance import Document
from policies.classification import RiskClass, class_of
from policies.rules.answers import Path, Question, finding, unanswered, undated
from policies.rules.judgement import Finding
from policies.targets.bundle import BundleTarget


def is_high_risk(card: ModelCard) -> bool:
    """Whether the class is high, or cannot be read: then the duties of a high-risk system are asked."""
    declared = class_of(card.eu_ai_act_classification)
    return declared is None or declared >= RiskClass.HIGH


def unproven(
    bundle: BundleTarget, papers: Iterable[tuple[Path, Document | None, str]], as_of: dt.date
) -> Iterator[Finding]:
    """Every paper that is missing, undated, unsigned for, or the same as another; ``str`` says what the paper is."""
    references = []
    for path, paper, about in papers:
        if paper is None:
            yield finding(bundle, path, f"the {about} is missing", "its reference, issuer and date")
            continue
        references.append(Question((*path, "reference"), paper.reference, f"where the {about} is"))
        yield from unanswered(bundle, [Question((*path, "issuer"), paper.issuer, f"who issued the {about}")])
        yield from undated(bundle, (*path, "date"), paper.date, as_of)
    yield from unanswered(bundle, references)
