# SPDX-License-Identifier: Apache-2.0
"""The ONNX model answers as the scikit-learn pipeline does, whatever the types and the order of the features."""

from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from contracts.model_card import Feature
from training.equivalence import equivalence, probabilities
from training.errors import TrainingRefused
from training.onnx_export import export, opset
from training.rows import Rows, Table, to_rows

FEATURES = (
    Feature(name="kind", type="category", values=("a", "b", "c d")),
    Feature(name="flag", type="boolean"),
    Feature(name="count", type="integer"),
    Feature(name="size", type="number"),
)
WORDS = ("the line is dead", "naïve CAFÉ Été", "pay me twice", "Κόσμε мир 世界", "snake_case x2 ñ")


def _rows(labels: tuple[str, ...], n: int = 200) -> Rows:
    draw = np.random.default_rng(8)
    columns = {
        "kind": draw.choice(["a", "b", "c d"], n).tolist(),
        "flag": (draw.random(n) < 0.5).tolist(),
        "count": draw.integers(-5, 2**40, n).tolist(),
        "size": draw.normal(0, 1e6, n).tolist(),
    }
    return to_rows(Table(columns, draw.choice(labels, n).tolist()), FEATURES)


def _encode() -> ColumnTransformer:
    return ColumnTransformer(
        [("kind", OneHotEncoder(), [0]), ("flag", "passthrough", [1]), ("numbers", StandardScaler(), [2, 3])]
    )


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c")], ids=["two", "three"])
@pytest.mark.parametrize(
    ("classifier", "tolerance"),
    [
        (LogisticRegression(), 1e-12),
        (RandomForestClassifier(10, max_depth=5, random_state=1), 1e-6),
        (GradientBoostingClassifier(n_estimators=5, random_state=1), 1e-6),
    ],
    ids=["linear", "forest", "boosting"],
)
def test_mixed_features(labels: tuple[str, ...], classifier: Any, tolerance: float) -> None:
    """Categories first, booleans and wide integers: linear models stay in double precision."""
    rows = _rows(labels)
    fitted = make_pipeline(_encode(), classifier).fit(rows.matrix(), rows.labels)
    assert equivalence(fitted, export(fitted, FEATURES, "x"), rows, tolerance).rows == 200


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer, CountVectorizer])
def test_text_in_any_script(vectorizer: Any) -> None:
    """Words are lower-cased and split as scikit-learn does, on texts that training never saw too."""
    feature = (Feature(name="note", type="text"),)
    rows = to_rows(Table({"note": list(WORDS) * 10}, ["a", "b", "c", "d", "e"] * 10), feature)
    fitted = make_pipeline(ColumnTransformer([("note", vectorizer(), 0)]), LogisticRegression()).fit(
        rows.matrix(), rows.labels
    )
    seen = ["été-café!", "NAÏVE", "", "I a", "naïvecafé", "ΚΌΣΜΕ", "Мир,мир", "line\nline\tdead", "x" * 5000]
    unseen = to_rows(Table({"note": seen}, ["a"] * len(seen)), feature)
    artifact = export(fitted, feature, "x")
    assert equivalence(fitted, artifact, unseen, 1e-6).rows == len(seen)
    assert len({tuple(row) for row in probabilities(artifact, rows).round(6).tolist()}) == len(WORDS)


def test_only_probabilities_leave_the_model() -> None:
    """One output, float64; inputs as the card names them; nothing but standard and ML operators for plain columns."""
    rows = _rows(("no", "yes"))
    fitted = make_pipeline(_encode(), LogisticRegression()).fit(rows.matrix(), rows.labels)
    graph = onnx.load_from_string(export(fitted, FEATURES, "x")).graph
    assert [(o.name, o.type.tensor_type.elem_type) for o in graph.output] == [
        ("probabilities", onnx.TensorProto.DOUBLE)
    ]
    kinds = [onnx.TensorProto.STRING, onnx.TensorProto.BOOL, onnx.TensorProto.INT64, onnx.TensorProto.DOUBLE]
    assert [(i.name, i.type.tensor_type.elem_type) for i in graph.input] == [
        (feature.name, kind) for feature, kind in zip(FEATURES, kinds, strict=True)
    ]
    assert {node.domain for node in graph.node} <= {"", "ai.onnx.ml"}


def test_a_difference_beyond_the_tolerance_is_refused() -> None:
    """The artifact of another model is not equivalent, and the message has the row and the size of the difference."""
    rows = _rows(("no", "yes"))
    one, other = (make_pipeline(_encode(), LogisticRegression(C=c)).fit(rows.matrix(), rows.labels) for c in (1, 1e-4))
    with pytest.raises(TrainingRefused, match=r"differs from the scikit-learn pipeline by .* in evaluation row \d+"):
        equivalence(one, export(other, FEATURES, "x"), rows, 1e-9)


def test_opsets_stand_in_one_order() -> None:
    """The converter's order is one of chance; ours is by domain, and the version given is that of ONNX's own domain."""
    rows = _rows(("no", "yes"))
    fitted = make_pipeline(_encode(), LogisticRegression()).fit(rows.matrix(), rows.labels)
    artifact = export(fitted, FEATURES, "orders")
    entries = [(entry.domain, entry.version) for entry in onnx.load_from_string(artifact).opset_import]
    assert len(entries) > 1
    assert entries == sorted(entries)
    assert opset(artifact) == dict(entries)[""]
