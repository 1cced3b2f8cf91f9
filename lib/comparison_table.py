"""Comparison table: all answers of a comparison as rows for a spreadsheet, each with what it was asked with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lib.answer import total_usage
from lib.comparison import Comparison, facts_asked, thread
from lib.conversation import Conversation, Message
from lib.model import Model
from lib.pricing import dollars
from lib.table_file import Row, Value

_HEADS = (
    "Round", "Input", "Column", "Repetition", "Answer", "Stars", "Ending", "Tokens in", "Tokens out", "Dollars",
    "First text, seconds", "Seconds", "Error",
)  # fmt: skip


def table(model: Model, comparison: Comparison, threads: Mapping[str, Conversation]) -> list[Row]:
    """The columns' names, then a row for each answer that has come, by rounds. ``threads`` by the columns' ids.

    Of what the answers were asked with there is a column for each thing that was set in any of them.
    """
    rows: list[Row] = []
    setups: list[dict[str, Value]] = []
    for number, one in enumerate(comparison.rounds):
        for column in comparison.columns:
            conversation = threads[column.id]
            for repetition, answer in enumerate(comparison.answers(column, conversation, number)):
                if answer.answers:
                    about: Row = [number + 1, one.text, column.name, repetition + 1]
                    rows.append(about + _answer(model, comparison, conversation, answer))
                    setups.append(_setup(model, answer))
    set_up = [name for name in dict.fromkeys(name for one in setups for name in one)
              if any(one.get(name) not in (None, "") for one in setups)]  # fmt: skip
    heads: Row = [*_HEADS, *(f"Setting: {name}" for name in set_up)]
    return [heads, *(row + [one.get(name) for name in set_up] for row, one in zip(rows, setups, strict=True))]


def _answer(model: Model, comparison: Comparison, conversation: Conversation, answer: Message) -> Row:
    """An answer that calls tools goes on with what they say: its text is the last one, its cost that of all."""
    messages = thread(conversation, answer.id)
    runs = [run for message in messages for run in message.answers]
    usage, last = total_usage(runs), messages[-1]
    error = runs[-1].error
    return [
        _text(last), comparison.ratings.get(answer.id), runs[-1].ending.value,
        None if usage is None else usage.prompt_tokens, None if usage is None else usage.completion_tokens,
        None if usage is None else dollars(usage, model.price), runs[0].timings.first_token,
        round(sum(run.timings.total for run in runs), 3), None if error is None else error.message,
    ]  # fmt: skip


def _text(message: Message) -> str:
    """What was said, or, where it has no text, the calls in it as JSON."""
    if message.content.strip() or not message.calls:
        return message.content
    calls = [{"name": call.name, "arguments": call.arguments} for call in message.calls]
    return json.dumps(calls, ensure_ascii=False)


def _setup(model: Model, answer: Message) -> dict[str, Value]:
    request = answer.answers[0].request
    known: dict[str, Value] = dict(facts_asked(model, request))
    return known | {one.label: request.parameters.get(one.name) for one in model.parameters}
