"""A comparison's answers as rows for a spreadsheet, each with its settings."""

from __future__ import annotations

from lib.chat.answer import text_or_calls, total_usage
from lib.chat.answer_cost import answer_cost
from lib.chat.conversation import Conversation, Message
from lib.compare.comparison import Comparison, Threads, answer_thread, request_setup_fields
from lib.files.csv_export import CellValue, SheetRow
from lib.model.known_models import ModelLookup, known_or_unknown
from lib.model.model_record import parameter_label

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


def comparison_rows(find_model: ModelLookup, comparison: Comparison, threads: Threads) -> list[SheetRow]:
    """Return the headings, then a row for each answer, by rounds.

    Without a known price the cost is empty. Each setting that any answer was sent with has a column.
    """
    rows: list[SheetRow] = []
    setups: list[dict[str, CellValue]] = []
    for number, comparison_round in enumerate(comparison.rounds):
        for column in comparison.columns:
            thread = threads[column.id]
            for repetition, answer in enumerate(comparison.answers(column, thread, number)):
                if answer.answers:
                    place: SheetRow = [number + 1, comparison_round.text, column.name, repetition + 1]
                    rows.append(place + _answer_values(find_model, comparison, thread, answer))
                    setups.append(_setup_values(find_model, answer))
    names = dict.fromkeys(name for setup in setups for name in setup)
    shown = [name for name in names if any(setup.get(name) not in (None, "") for setup in setups)]
    headings: SheetRow = [*_HEADINGS, *(f"Setting: {name}" for name in shown)]
    values = ([setup.get(name) for name in shown] for setup in setups)
    return [headings, *(row + settings for row, settings in zip(rows, values, strict=True))]


def _answer_values(
    find_model: ModelLookup, comparison: Comparison, thread: Conversation, answer: Message
) -> SheetRow:
    """Return text, rating, usage and times; after tool calls the last text counts, and the cost of all runs."""
    messages = answer_thread(thread, answer.id)
    runs = [run for message in messages for run in message.answers]
    usage, cost, last = total_usage(runs), answer_cost(runs, find_model), messages[-1]
    error = runs[-1].error
    return [
        text_or_calls(last.content, last.calls),
        comparison.ratings.get(answer.id),
        runs[-1].ending.value,
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.completion_tokens,
        None if cost is None else cost.listed,
        runs[0].timings.first_token,
        round(sum(run.timings.total for run in runs), 3),
        None if error is None else error.message,
    ]


def _setup_values(find_model: ModelLookup, answer: Message) -> dict[str, CellValue]:
    request = answer.answers[0].request
    model = known_or_unknown(find_model, request.model)
    fields: dict[str, CellValue] = dict(request_setup_fields(model, request))
    labels = {parameter.name: parameter.label for parameter in model.parameters}
    labels |= {name: parameter_label(name) for name in request.parameters if name not in labels}
    return fields | {label: request.parameters.get(name) for name, label in labels.items()}
