# SPDX-License-Identifier: Apache-2.0
"""CODEOWNERS means here what it means on GitHub."""

import pytest

from policies.targets.code_owners import owning_line, parse_code_owners


@pytest.mark.parametrize(
    ("pattern", "owned", "not_owned"),
    [
        ("*", ["a", "a/b/c.py"], []),
        ("*.js", ["a.js", "a/b.js"], ["a.jsx", "js"]),
        ("/build/logs/", ["build/logs/a", "build/logs/a/b"], ["a/build/logs/b", "build/logs"]),
        ("docs/*", ["docs/a.md"], ["docs/a/b.md", "a/docs/b.md"]),
        ("apps/", ["apps/a", "x/apps/a/b"], ["apps", "apps.txt"]),
        ("/docs/", ["docs/a", "docs/a/b"], ["x/docs/a"]),
        ("/scripts", ["scripts", "scripts/a"], ["x/scripts"]),
        ("**/logs", ["logs", "logs/a", "a/logs/b"], ["logs.txt"]),
        ("/policies/**", ["policies/a", "policies/a/b"], ["x/policies/a"]),
        ("a/**/b", ["a/b", "a/x/y/b", "a/b/c"], ["b", "a/c"]),
        ("secret", ["secret", "x/secret/y"], ["secrets"]),
        ("file?.txt", ["file1.txt", "x/file2.txt"], ["file.txt", "file/.txt"]),
        (r"with\ space/", ["with space/a"], ["with"]),
        ("!a", [], ["a", "!a"]),
        ("[ab]", [], ["a", "[ab]"]),
    ],
)
def test_patterns_match_as_on_github(pattern: str, owned: list[str], not_owned: list[str]) -> None:
    """The documented examples, and the syntax that GitHub does not have and so never matches."""
    lines = parse_code_owners(f"{pattern} @team\n")
    assert [path for path in owned if owning_line(lines, path) is None] == []
    assert [path for path in not_owned if owning_line(lines, path) is not None] == []


def test_the_last_match_decides_even_when_it_names_nobody() -> None:
    """A later line without owners takes the protection away; it is the one to be shown."""
    lines = parse_code_owners("* @org/all\n\n# comment\n/models/ @org/ml # inline\n/models/open/\n")
    assert [(line.pattern, line.owners, line.line) for line in lines] == [
        ("*", ("@org/all",), 1),
        ("/models/", ("@org/ml",), 4),
        ("/models/open/", (), 5),
    ]
    found = owning_line(lines, "models/open/card.yaml")
    assert found is not None
    assert (found.line, found.owners) == (5, ())


def test_only_what_github_understands_is_an_owner() -> None:
    """A name without @ protects nothing; a user, a team and an address do."""
    (line,) = parse_code_owners("a somebody @me @org/team.x a@example.org @-no @@\n")
    assert line.owners == ("@me", "@org/team.x", "a@example.org")
