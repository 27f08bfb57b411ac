# SPDX-License-Identifier: Apache-2.0
"""Images by their digest: what is one, what it is called, and what is none."""

import pytest

from contracts.image import Image, parse_image

DIGEST = "6e" * 32


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("registry.example/model", "registry.example/model"),
        ("registry.example/model:1.0.0", "registry.example/model"),
        ("registry.example:5000/team/model", "registry.example:5000/team/model"),
        ("registry.example:5000/team/model:1.0_rc", "registry.example:5000/team/model"),
        ("model", "model"),
    ],
)
def test_a_tag_is_no_part_of_a_name(text: str, name: str) -> None:
    """A port is, and a verdict's subject keeps all of it apart from files and manifests."""
    image = parse_image(f"{text}@sha256:{DIGEST}")
    assert image == Image(name, DIGEST)
    assert image.subject == f"image/{name}"


@pytest.mark.parametrize(
    "text",
    [
        None, 7, "", "registry.example/model:1.0.0", f"@sha256:{DIGEST}", f"model@sha256:{DIGEST[1:]}",
        f"model@sha256:{DIGEST.upper()}", f"model@sha512:{DIGEST}", f"model@sha256:{DIGEST}\n",
        f"mo del@sha256:{DIGEST}", f"model@sha256:{DIGEST}@sha256:{DIGEST}", f"-model@sha256:{DIGEST}",
    ],
)  # fmt: skip
def test_what_names_no_digest_is_no_image(text: object) -> None:
    """A tag can be moved, and what is half a digest is none."""
    assert parse_image(text) is None
