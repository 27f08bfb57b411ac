# SPDX-License-Identifier: Apache-2.0
"""One model, ready to predict: session, label rule and explainer of one bundle."""

from collections.abc import Sequence

from contracts.bundle import Bundle
from service.model.reasons import Explained, load_explainer
from service.model.session import Row, Session
from service.model.verdict import LabelRule, Outcome


class Model:
    """Raises BundleInvalid when artifact, explanation and card do not fit together."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.card = bundle.card
        self._session = Session(bundle)
        self._rule = LabelRule(bundle.card.output)
        self._explainer = load_explainer(bundle)
        self._side_by_side = self._session.rows_stand_alone(bundle.card)

    def predict(self, rows: Sequence[Row]) -> list[Outcome | None]:
        """One outcome per row in one call of the runtime; None where the model gave no finite probability."""
        return [self._rule.apply(probabilities) for probabilities in self._session.probabilities(rows)]

    def predict_side_by_side(self, rows: Sequence[Row]) -> list[Outcome | None]:
        """Rows of callers who must not feel each other: one call where the artifact allows it, else one each."""
        return self.predict(rows) if self._side_by_side else [self.predict((row,))[0] for row in rows]

    def explain(self, row: Row) -> Explained | None:
        """Exact reasons, or None when the bundle has none."""
        return None if self._explainer is None else self._explainer.explain(row)
