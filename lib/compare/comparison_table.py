"""A comparison's answers as rows for a spreadsheet, each with its settings."""

from __future__ import annotations

from lib.chat.answer import text_or_calls, total_usage
from lib.chat.conversation import Conversation, Message
from lib.compare.comparison import Comparison, Threads, answer_thread, request_setup_fields
from lib.files.csv_export import CellValue, SheetRow
from lib.model.model_record import Model
from lib.model.pricing import cost_in_dollars

_HEADINGS = (
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


def comparison_rows(model: Model, comparison: Comparison, threads: Threads) -> list[SheetRow]:
    """Return the headings, then a row for each answer, by rounds.

    Each setting that any answer was sent with has a column.
    """
    rows: list[SheetRow] = []
    setups: list[dict[str, CellValue]] = []
    for number, comparison_round in enumerate(comparison.rounds):
        for column in comparison.columns:
            thread = threads[column.id]
            for repetition, answer in enumerate(comparison.answers(column, thread, number)):
                if answer.answers:
                    place: SheetRow = [number + 1, comparison_round.text, column.name, repetition + 1]
                    rows.append(place + _answer_values(model, comparison, thread, answer))
                    setups.append(_setup_values(model, answer))
    names = setups[0] if setups else ()  # all set-ups have the same names
    shown = [name for name in names if any(setup[name] not in (None, "") for setup in setups)]
    headings: SheetRow = [*_HEADINGS, *(f"Setting: {name}" for name in shown)]
    values = ([setup[name] for name in shown] for setup in setups)
    return [headings, *(row + settings for row, settings in zip(rows, values, strict=True))]


def _answer_values(model: Model, comparison: Comparison, thread: Conversation, answer: Message) -> SheetRow:
    """Return text, rating, usage and times; after tool calls the last text counts, and the cost of all runs."""
    messages = answer_thread(thread, answer.id)
    runs = [run for message in messages for run in message.answers]
    usage, last = total_usage(runs), messages[-1]
    error = runs[-1].error
    return [
        text_or_calls(last.content, last.calls),
        comparison.ratings.get(answer.id),
        runs[-1].ending.value,
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.completion_tokens,
        None if usage is None else cost_in_dollars(usage, model.price),
        runs[0].timings.first_token,
        round(sum(run.timings.total for run in runs), 3),
        None if error is None else error.message,
    ]


def _setup_values(model: Model, answer: Message) -> dict[str, CellValue]:
    request = answer.answers[0].request
    fields: dict[str, CellValue] = dict(request_setup_fields(model, request))
    return fields | {
        parameter.label: request.parameters.get(parameter.name) for parameter in model.parameters
    }
