# SPDX-License-Identifier: Apache-2.0
"""The JSON of an answer. Its core is built once, for the record; the caller gets it with subject and evidence."""

from functools import lru_cache

import msgspec

from contracts.acknowledgement import Position
from contracts.model_card import ModelCard
from service.model.verdict import Outcome


class AnswerWriter:
    """Writes answers of one model; everything that does not change is encoded beforehand."""

    def __init__(self, card: ModelCard) -> None:
        output = card.output
        self._decimals = output.score_decimals
        self._subject_head = "{" + _quote(card.subject_field) + ":"
        self._score_head = "{" + _quote(output.score_field) + ":"
        middle = f',{_quote(output.label_field)}:%s,"model_version":{_quote(card.version)},"request_id":"'
        self._labels = {label: middle.replace("%s", _quote(label), 1) for label in output.labels}

    def core(self, outcome: Outcome, request_id: str, time: str, reasons: str | None) -> str:
        """The answer without the subject field and `evidence`; the score is rounded to the card's decimals."""
        tail = "}" if reasons is None else f',"reasons":{reasons}}}'
        score = round(outcome.score, self._decimals)
        return f'{self._score_head}{score!r}{self._labels[outcome.label]}{request_id}","timestamp":"{time}"{tail}'

    def response(self, subject_json: str, core: str, log: str, position: Position) -> str:
        """The whole answer."""
        index, leaf_hash = position
        return (
            f'{self._subject_head}{subject_json},{core[1:-1]},"evidence":{{"log":{_quote(log)},"index":{index},'
            f'"leaf_hash":"{leaf_hash.hex()}"}}}}'
        )


@lru_cache(maxsize=64)
def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()
