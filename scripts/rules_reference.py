# SPDX-License-Identifier: Apache-2.0
"""The reference page of the rules: every rule with its page, what it cites and from when, and what was left out."""

from collections.abc import Iterator
from typing import Final

from policies.law.law import LawPack, Source
from policies.rules.left_out import LEFT_OUT
from policies.rules.page import SECTIONS, read_page
from policies.rules.rule import Control, RuleModule
from policies.runner.pack import load_pack

_INTRO: Final = (
    "What `countersign check` asks. `countersign check --explain ID` shows one of these pages, and\n"
    "[rules.md](../rules.md) says how to write one. YAML under *Fails* and *Passes* is run as a test: for rules over\n"
    "a bundle it is a change to the card of telco-watson 1.0.0. No rule says that a model complies with a law.\n"
)


def rules() -> str:
    """The page."""
    pack = load_pack()
    parts = ["# Rules\n", _INTRO, "\n".join(_overview(pack.rules)), "## Left out\n"]
    parts.append("\n".join(f"- {item.id} {item.title}: {item.reason}" for item in LEFT_OUT) + "\n")
    parts += [_rule(module, pack.law) for module in pack.rules]
    parts += ["## Law\n", "\n".join(_sources(pack.law))]
    return "\n".join(parts)


def _overview(modules: tuple[RuleModule, ...]) -> Iterator[str]:
    yield f"{len(modules)} rules.\n"
    yield "| rule | severity | over | waiver | what holds |"
    yield "| --- | --- | --- | --- | --- |"
    for rule, *_ in modules:
        waiver = "may be waived" if rule.waivable else "never"
        over = ", ".join((rule.over, *(f"with {kind}" for kind in rule.needs)))
        title = rule.title.replace("|", "\\|")
        yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity.value} | {over} | {waiver} | {title} |"
    yield ""


def _rule(module: RuleModule, law: LawPack) -> str:
    rule = module.rule
    page = read_page(module.page)
    lines = [f"## {rule.id}\n", f"{page.title[0].upper()}{page.title[1:]}.\n"]
    for heading in SECTIONS:
        lines.append(f"**{heading}**\n\n{page.sections[heading]}\n")
    first, *rest = rule.remediation.splitlines()
    diff = "\n```diff\n" + "\n".join(rest) + "\n```" if rest else ""
    lines.append(f"**How to mend it**\n\n{first}{diff}\n")
    lines.append("**Controls**\n\n" + "\n".join(f"- {line}" for line in _controls(rule.controls, law)) + "\n")
    if rule.duty is not None:
        duty = law.duty(rule.duty)
        lines.append(f"A duty from {duty.applies_from} ({duty.title}); until then it blocks at tier high alone.\n")
    return "\n".join(lines)


def _controls(cited: tuple[Control, ...], law: LawPack) -> Iterator[str]:
    for control in cited:
        applies_from = law.applies_from(control)
        since = "" if applies_from is None else f", from {applies_from}"
        yield f"`{control.framework}` {control.reference}: {law.point(control).title}{since}"


def _sources(law: LawPack) -> Iterator[str]:
    yield "| key | source | version | read on | applies from |"
    yield "| --- | --- | --- | --- | --- |"
    for source in law.sources:
        linked = f"[{source.title}]({source.source})" if "://" in source.source else f"{source.title}: {source.source}"
        yield f"| `{source.key}` | {linked} | {source.version} | {source.as_of} | {_from(source)} |"
    yield ""
    for source in law.sources:
        for duty in source.duties:
            yield f"**{duty.title}** (`{source.key}`): from {duty.applies_from}. Readings:\n"
            for reading in duty.readings:
                when = "" if reading.applies_from is None else f", {reading.applies_from}"
                yield f"- {reading.says}{when} ({reading.source})"
            yield ""


def _from(source: Source) -> str:
    gone = "" if source.rescinded is None else f", rescinded {source.rescinded}"
    return f"{source.applies_from or ''}{gone}"
