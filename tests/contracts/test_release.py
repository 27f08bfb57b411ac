# SPDX-License-Identifier: Apache-2.0
"""The release digest: one for all pods of a release, another for any other."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from contracts import semconv
from contracts.release import Release

PART = st.none() | st.text(st.characters(codec="ascii"), max_size=20)
RELEASES = st.builds(Release, PART, PART, PART, PART, st.none() | st.tuples(st.text("ab"), st.text("ab")))


def test_digest_is_of_the_canonical_json() -> None:
    """Known parts only, keys sorted, images sorted."""
    text = b'{"artifact":"a","card":"c","images":["1","2"]}'
    assert Release("a", "c", images=("2", "1")).digest() == hashlib.sha256(text).hexdigest()


@given(RELEASES, RELEASES)
def test_equal_digests_mean_equal_releases(first: Release, second: Release) -> None:
    """Every part counts; the order of images does not."""

    def sorted_images(release: Release) -> Release:
        return release._replace(images=None if release.images is None else tuple(sorted(release.images)))

    assert (first.digest() == second.digest()) == (sorted_images(first) == sorted_images(second))


@given(RELEASES)
def test_attributes_leave_out_what_is_unknown(release: Release) -> None:
    """One attribute for each known part."""
    attributes = release.attributes()
    assert len(attributes) == sum(part is not None for part in release)
    assert (semconv.RELEASE_ARTIFACT in attributes) == (release.artifact is not None)
