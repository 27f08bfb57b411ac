# SPDX-License-Identifier: Apache-2.0
"""The models of a run as one CycloneDX 1.7 ML-BOM, headed by how the run ended.

The bill of materials is the one that `contracts.cyclonedx` makes and the service serves; it says of a model what its
card says. Digests on it are those of the card: a run that passed has compared them with the files.
"""

from contracts.cyclonedx import Model, ml_bom
from policies.output.outcome import basis_counts, outcome, standing
from policies.report import Report, State
from policies.rules.judgement import Basis


def render(report: Report) -> str:
    """The bill of materials as indented JSON that ends in a line feed."""
    bases = basis_counts(report)
    head = {
        "countersign:gate:outcome": outcome(report).value,
        "countersign:gate:profile": report.profile.name,
        "countersign:gate:as_of": report.as_of.isoformat(),
        "countersign:gate:policy_pack": report.pack_digest,
        **{f"countersign:gate:basis:{basis.value}": str(bases[basis]) for basis in Basis},
    }
    for case in report.cases:
        stands = standing(case, report)
        if case.state in (State.FAIL, State.WAIVED):
            head[f"countersign:gate:{case.state.value}:{case.rule.id}:{case.target}"] = stands or "blocks"
    for number, notice in enumerate(report.notices):
        head[f"countersign:gate:notice:{number}"] = notice
    models = [Model(bundle.card, bundle.card_digest) for bundle in report.bundles]
    return ml_bom(models, report.version, head).decode("utf-8")
