# SPDX-License-Identifier: Apache-2.0
"""The rules themselves as text: the list of all of them, and the page of one with what it cites and from when."""

import textwrap
from collections.abc import Iterator, Sequence

from policies.law.law import LawPack
from policies.rules.left_out import LeftOut
from policies.rules.page import read_page
from policies.rules.rule import Control, RuleModule

_WIDTH = 100


def listing(rules: Sequence[RuleModule], left_out: Sequence[LeftOut]) -> str:
    """Every rule in a line, then what was left out, each with its reason."""
    lines = [
        f"{rule.id:<9} {rule.severity.value:<9} {rule.over:<14} {'' if rule.waivable else 'no waiver':<10} {rule.title}"
        for rule, *_ in rules
    ]
    lines += ["", f"{len(rules)} rules; 'countersign check --explain ID' shows one", "", "left out"]
    for item in left_out:
        lines += textwrap.wrap(f"{item.id:<9} {item.title}: {item.reason}", _WIDTH, subsequent_indent=" " * 10)
    return "\n".join(lines) + "\n"


def explanation(module: RuleModule, law: LawPack) -> str:
    """The page of one rule, and what is fixed about it."""
    rule = module.rule
    page = read_page(module.page)
    waivable = "may be waived" if rule.waivable else "may not be waived"
    needs = f", needs {', '.join(rule.needs)}" if rule.needs else ""
    parts = [
        f"{rule.id}: {page.title}",
        f"{rule.severity.value}, over {rule.over}{needs}, {waivable}, since {rule.since}",
        *(f"{heading}\n{textwrap.indent(body, '  ')}" for heading, body in page.sections.items()),
        "How to mend it\n" + textwrap.indent(rule.remediation, "  "),
        "Controls\n" + "\n".join(f"  {line}" for line in controls(rule.controls, law)),
    ]
    if rule.duty is not None:
        duty = law.duty(rule.duty)
        parts.append(f"A duty from {duty.applies_from}\n  {duty.title}")
    return "\n\n".join(parts) + "\n"


def controls(cited: Sequence[Control], law: LawPack) -> Iterator[str]:
    """What a rule cites: source, point, title, and from when it applies."""
    for control in cited:
        source = law.source(control.framework)
        applies_from = law.applies_from(control)
        since = "" if applies_from is None else f", applies from {applies_from}"
        yield f"{source.title} ({source.version}), {control.reference}: {law.point(control).title}{since}"
