"""Comparison table: all answers of a comparison as rows for a spreadsheet, each with what it was asked with."""

from __future__ import annotations

from collections.abc import Mapping

from lib.chat.answer import spoken, total_usage
from lib.chat.conversation import Conversation, Message
from lib.compare.comparison import Comparison, facts_asked, thread
from lib.files.spreadsheet import Row, Value
from lib.model.model_record import Model
from lib.model.pricing import dollars

_HEADS = (
    "Round",
    "Input",
    "Column",
    "Repetition",
    "Answer",
    "Stars",
    "Ending",
    "Tokens in",
    "Tokens out",
    "Dollars",
    "First text, seconds",
    "Seconds",
    "Error",
)


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
    names = setups[0] if setups else ()  # the same in all
    shown = [name for name in names if any(one[name] not in (None, "") for one in setups)]
    heads: Row = [*_HEADS, *(f"Setting: {name}" for name in shown)]
    return [heads, *(row + [one[name] for name in shown] for row, one in zip(rows, setups, strict=True))]


def _answer(model: Model, comparison: Comparison, conversation: Conversation, answer: Message) -> Row:
    """An answer that calls tools goes on with what they say: its text is the last one, its cost that of all."""
    messages = thread(conversation, answer.id)
    runs = [run for message in messages for run in message.answers]
    usage, last = total_usage(runs), messages[-1]
    error = runs[-1].error
    return [
        spoken(last.content, last.calls),
        comparison.ratings.get(answer.id),
        runs[-1].ending.value,
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.completion_tokens,
        None if usage is None else dollars(usage, model.price),
        runs[0].timings.first_token,
        round(sum(run.timings.total for run in runs), 3),
        None if error is None else error.message,
    ]


def _setup(model: Model, answer: Message) -> dict[str, Value]:
    request = answer.answers[0].request
    known: dict[str, Value] = dict(facts_asked(model, request))
    return known | {one.label: request.parameters.get(one.name) for one in model.parameters}
