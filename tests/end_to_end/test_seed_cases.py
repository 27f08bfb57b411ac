# SPDX-License-Identifier: Apache-2.0
"""The 23 cases of the article that the product starts from, against a real stack over real sockets."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.living import LEAVING, LOYAL, Living, Reply, living


@pytest.fixture(scope="module")
def answer(stack: Living) -> Reply:
    """One prediction."""
    return stack.predict(LOYAL)


@pytest.fixture
def audited(tmp_path: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A stack whose log is fresh, for state must not leak between cases."""
    with living(tmp_path_factory.mktemp("audited")) as running:
        yield running


class TestHealth:
    """Health: 4 cases."""

    def test_healthz_answers(self, stack: Living) -> None:
        """/healthz is 200."""
        assert stack.get("/healthz").status == 200

    def test_healthz_says_ok(self, stack: Living) -> None:
        """/healthz says ok and which version runs."""
        assert stack.get("/healthz").body == {"status": "ok", "model_version": "1.0.0"}

    def test_ready_answers(self, stack: Living) -> None:
        """/ready is 200."""
        assert stack.get("/ready").status == 200

    def test_ready_says_ready(self, stack: Living) -> None:
        """/ready says ready and which model."""
        assert stack.get("/ready").body == {"status": "ready", "model_id": "telecom-churn"}


class TestPredict:
    """Predict: 9 cases."""

    def test_answers(self, answer: Reply) -> None:
        """A valid request is 200."""
        assert answer.status == 200

    @pytest.mark.parametrize("field", ["customer_id", "churn_probability", "prediction", "model_version", "request_id"])
    def test_has_field(self, answer: Reply, field: str) -> None:
        """The answer names customer, probability, prediction, version and request id."""
        assert field in answer.body

    def test_probability_is_one(self, answer: Reply) -> None:
        """The probability lies in 0 to 1, rounded to four decimals."""
        probability = answer.body["churn_probability"]
        assert 0 <= probability <= 1
        assert probability == round(probability, 4)

    def test_missing_field_is_refused(self, stack: Living) -> None:
        """A missing field is 422 and named."""
        reply = stack.post("/predict", {"customer_id": "C-1", "tenure_months": 3})
        assert reply.status == 422
        assert reply.body["field"] == "$.monthly_charges"

    @pytest.mark.parametrize(("features", "label"), [(LEAVING, "churn"), (LOYAL, "retain")])
    def test_predicts(self, stack: Living, features: dict[str, float], label: str) -> None:
        """Tenure 1 with 5 complaints churns; tenure 60 with none stays."""
        assert stack.predict(features).body["prediction"] == label


class TestAuditLog:
    """Audit log: 5 cases."""

    def test_is_empty_at_first(self, audited: Living) -> None:
        """A fresh log has no predictions."""
        assert audited.get("/governance/audit-log").body["total"] == 0

    def test_has_an_entry_after_a_prediction(self, audited: Living) -> None:
        """The entry is there when the answer is."""
        audited.predict(LOYAL)
        assert audited.get("/governance/audit-log").body["total"] == 1

    def test_entry_holds_the_pseudonym(self, stack: Living) -> None:
        """The entry names the customer by pseudonym, the same for the same customer, and never by id."""
        for _ in range(2):
            stack.predict(LOYAL, customer="C-pseudonym")
        entries = stack.get("/governance/audit-log").body["entries"][:2]
        assert len({entry["customer_id"] for entry in entries}) == 1
        assert len(entries[0]["customer_id"]) == 32
        assert "C-pseudonym" not in str(entries)

    def test_entry_holds_the_prediction(self, stack: Living) -> None:
        """Features, label, score, version and request id are the answer's."""
        said = stack.predict(LEAVING).body
        entry = stack.get("/governance/audit-log").body["entries"][0]
        assert entry["request_id"] == said["request_id"]
        assert entry["prediction"] == said["prediction"]
        assert round(entry["churn_probability"], 4) == said["churn_probability"]
        assert entry["features"] == LEAVING
        assert entry["model_version"] == said["model_version"]

    def test_count_grows(self, audited: Living) -> None:
        """Every prediction counts once, batch rows included."""
        for _ in range(3):
            audited.predict(LOYAL)
        audited.post("/predict/batch", {"instances": [{"customer_id": f"B-{n}", **LEAVING} for n in range(4)]})
        assert audited.get("/governance/audit-log").body["total"] == 7


class TestCard:
    """Model card: 5 cases."""

    def test_answers(self, stack: Living) -> None:
        """The card is 200."""
        assert stack.get("/governance/model-card").status == 200

    @pytest.mark.parametrize("member", ["version", "metrics", "fairness", "governance_tier"])
    def test_has_member(self, stack: Living, member: str) -> None:
        """Version, metrics, fairness and tier stand at the top level."""
        assert stack.get("/governance/model-card").body[member]
