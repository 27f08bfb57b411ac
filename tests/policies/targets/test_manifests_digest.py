# SPDX-License-Identifier: Apache-2.0
"""The digest is one for one set of objects, and another for any other."""

import hashlib
import json
import random
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from contracts.deployment import GATE_LABEL, VERDICT_ANNOTATION
from contracts.errors import ContractError
from policies.targets.manifests_digest import manifests_digest

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
OBJECTS = st.lists(
    st.builds(
        lambda kind, name, spec: {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec},
        st.sampled_from(["A", "B"]),
        st.text(min_size=1),
        VALUES,
    ),
    max_size=4,
    unique_by=lambda item: (item["kind"], item["metadata"]["name"]),
)


def test_published_vectors_of_rfc_8785() -> None:
    """The library's output is the example of RFC 8785, section 3.2.3 and 3.2.4: order, escapes and numbers."""
    given_value: Any = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert rfc8785.dumps(given_value).hex() == (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e33"
        "3333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e"
        "4127425c225c5c5c5c5c222f227d"
    )
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(rfc8785.dumps(keys)).values()) == [2, 4, 6, 7, 1, 5, 3]


def test_the_digest_is_what_the_format_says() -> None:
    """Computed again by hand: sorted by identity, canonical, the verdict and the gate's objects left out."""
    deployment = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "m", "annotations": {VERDICT_ANNOTATION: "x"}},
        "spec": {"template": {"metadata": {"annotations": {VERDICT_ANNOTATION: "y", "a": 1.50}}}},
    }
    gate = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "g", "labels": {GATE_LABEL: ""}}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "m"}}
    by_hand = (
        b'[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"m"},'
        b'"spec":{"template":{"metadata":{"annotations":{"a":1.5}}}}},'
        b'{"apiVersion":"v1","kind":"Service","metadata":{"name":"m"}}]'
    )
    assert manifests_digest([service, gate, deployment]) == hashlib.sha256(by_hand).hexdigest()


@given(objects=OBJECTS, seed=st.integers())
def test_order_does_not_matter(objects: list[dict[str, Any]], seed: int) -> None:
    """Helm 3 and helm 4 print the same objects in different orders."""
    shuffled = objects.copy()
    random.Random(seed).shuffle(shuffled)
    assert manifests_digest(shuffled) == manifests_digest(objects)


@given(objects=OBJECTS, text=st.text())
def test_the_verdict_may_be_written_in_without_changing_what_it_binds(objects: list[dict[str, Any]], text: str) -> None:
    """Otherwise no verdict could name the objects that carry it."""
    before = [{**item, "metadata": {**item["metadata"], "annotations": {"a": "b"}}} for item in objects]
    after = [
        {**item, "metadata": {**item["metadata"], "annotations": {"a": "b", VERDICT_ANNOTATION: text}}}
        for item in objects
    ]
    assert manifests_digest(before) == manifests_digest(after)


@given(objects=OBJECTS, extra=VALUES)
def test_any_other_change_changes_the_digest(objects: list[dict[str, Any]], extra: object) -> None:
    """A key more, an object more and an object less are three other digests."""
    digest = manifests_digest(objects)
    more = {"apiVersion": "v1", "kind": "C", "metadata": {"name": "more"}, "spec": extra}
    assert manifests_digest([*objects, more]) != digest
    for index, item in enumerate(objects):
        changed = [*objects[:index], {**item, "more": extra}, *objects[index + 1 :]]
        assert manifests_digest(changed) != digest
        assert manifests_digest(objects[:index] + objects[index + 1 :]) != digest


def test_what_json_cannot_say_exactly_is_refused() -> None:
    """Two programs would print such a number in two ways."""
    with pytest.raises(ContractError, match="no canonical JSON"):
        manifests_digest([{"apiVersion": "v1", "kind": "A", "big": 2**53 + 1}])
