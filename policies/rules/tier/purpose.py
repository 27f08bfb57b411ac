# SPDX-License-Identifier: Apache-2.0
"""Phrases by which a card's own words name an area that the AI Act regulates, and where on the card they stand.

Only texts on what the model does are read: name, description, intended use and the meaning of its answer. What a card
puts out of scope is never held against it. A phrase is a reason to ask, and its absence proves nothing.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from policies.rules.answers import Path
from policies.rules.text import plain
from policies.targets.bundle import BundleTarget


class Area(NamedTuple):
    """A point of the Act, what it is about, and the phrases that name it, in words as `plain` gives them."""

    point: str
    about: str
    phrases: str


class Named(NamedTuple):
    """An area that a text of the card names."""

    path: Path
    phrase: str
    text: str
    area: Area


ANNEX_III: Final = (
    Area(
        "1a", "remote biometric identification",
        r"(?:face|facial|fingerprint|iris|gait|voice) recognition|biometrics?",
    ),
    Area("1c", "emotion recognition", r"emotion (?:recognition|detection)|(?:detect|recogni[sz]e)s? emotions?"),
    Area("2a", "critical infrastructure", r"critical infrastructure|road traffic (?:control|management|safety)"),
    Area("3a", "access to education", r"(?:school|university|college|student|course) admissions?|admit students"),
    Area(
        "3b", "learning outcomes",
        r"exam(?:s|ination|inations)? (?:grad|mark|scor|result)\w*|(?:grad|mark|scor)\w* (?:of )?"
        r"(?:exams?|examinations?|essays|students|pupils)|learning outcomes?",
    ),
    Area("3d", "cheating in tests", r"proctor\w*|cheating in (?:exams?|examinations?|tests)"),
    Area(
        "4a", "recruitment",
        r"recruitment|recruiting|hiring|job (?:applicants?|applications?|candidates?|adverts?)|"
        r"(?:cv|r[eé]sum[eé]s?) (?:screening|ranking|scoring)|"
        r"(?:screen|rank|score|shortlist)\w* (?:applicants|candidates)",
    ),
    Area(
        "4b", "work relationships",
        r"(?:dismissal|termination|promotion|performance|monitoring) of (?:employees|workers|staff)|"
        r"(?:employee|worker|staff) (?:performance|monitoring|evaluation|dismissal)",
    ),
    Area(
        "5a", "public benefits",
        r"(?:social|public|welfare|unemployment|housing|disability|state) (?:benefits?|assistance)|"
        r"eligibility for (?:benefits|assistance)|benefits? (?:eligibility|fraud)",
    ),
    Area(
        "5b", "creditworthiness",
        r"credit ?worth(?:y|iness)|credit (?:scor\w*|risk|rating|limits?|lines?|decisions?|approvals?|applications?)|"
        r"(?:loan|mortgage) (?:approvals?|decisions?|defaults?|applications?|applicants?|eligibility)|"
        r"lending decisions?|(?:grant|approve|refuse)\w* (?:loans?|credit|mortgages?)",
    ),
    Area(
        "5c", "risk and price of life and health insurance",
        r"(?:life|health) insurance (?:\w+ ){0,3}(?:risks?|pric\w+|premiums?|underwriting)|"
        r"(?:risks?|pric\w+|premiums?|underwriting) (?:\w+ ){0,3}(?:life|health) insurance",
    ),
    Area("5d", "emergency calls", r"emergency (?:calls?|dispatch\w*|response|triage|patients)|patient triage"),
    Area("6d", "offences", r"re ?offend\w*|recidivism|law enforcement|predictive policing|polygraphs?"),
    Area("7b", "migration", r"asylum|visa applications?|border (?:control|management)|migrants?|irregular migration"),
    Area("8a", "justice", r"judicial|sentencing|court (?:decisions?|rulings?)"),
    Area("8b", "elections", r"elections?|referend(?:um|ums|a)|voting behaviou?r"),
)  # fmt: skip
ARTICLE_50: Final = (
    Area("50(1)", "talking with people", r"chat ?bots?|(?:conversational|voice|virtual) (?:assistants?|agents?)"),
    Area(
        "50(2)", "generated content",
        r"generat(?:es?|ing|ed) (?:text|texts|images?|audio|video|speech|content)|"
        r"(?:text|image|audio|video|speech) (?:generation|synthesis)",
    ),
    Area("50(3)", "emotion recognition", r"emotion (?:recognition|detection)|biometric categori[sz]ation"),
    Area("50(4)", "deep fakes", r"deep ?fakes?"),
)  # fmt: skip
ANNEX_III_POINTS: Final = (
    "1a", "1b", "1c", "2a", "3a", "3b", "3c", "3d", "4a", "4b", "5a", "5b", "5c", "5d",
    "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c", "7d", "8a", "8b",
)  # fmt: skip
ARTICLE_50_POINTS: Final = tuple(area.point for area in ARTICLE_50)


def named_areas(bundle: BundleTarget, areas: tuple[Area, ...]) -> Iterator[Named]:
    """Every area that a text on what the model does names, with the phrase."""
    for path, text in _purposes(bundle):
        words = plain(text)
        for area in areas:
            match = re.search(rf"\b(?:{area.phrases})\b", words)
            if match is not None:
                yield Named(path, match[0], text, area)


def _purposes(bundle: BundleTarget) -> Iterator[tuple[Path, str]]:
    card = bundle.card
    texts: tuple[tuple[Path, str | None], ...] = (
        (("name",), card.name),
        (("description",), card.description),
        *((("intended_use", number), text) for number, text in enumerate(card.intended_use or ())),
        (("output", "description"), card.output.description),
    )
    yield from ((path, text) for path, text in texts if text is not None)
