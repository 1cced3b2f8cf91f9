"""A comparison as a value: one input sent with several set-ups, in rounds, with ratings of the answers."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from lib.api.request import Request, settings_from_request, system_prompt_from_request
from lib.chat.conversation import Conversation, Message
from lib.errors import BadInput
from lib.model.known_models import ModelLookup, known_or_unknown
from lib.model.model_record import Model, format_value, parameter_label
from lib.model.request_options import Features
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Settings, advance_seeds

MIN_COLUMNS, MAX_COLUMNS = 2, 4
MAX_REPETITIONS = 10
_LETTERS = "ABCD"
_MAX_EXCERPT_CHARS = 40
MODEL_LABEL, NOT_SENT = "Model", "not sent"
VERSION = 1


Threads = Mapping[str, Conversation]  # the columns' conversations, by column id


@dataclass(frozen=True)
class ComparisonColumn:
    """A set-up and its conversation, which has the same id. ``name`` is a letter that never changes."""

    id: str
    name: str


@dataclass(frozen=True)
class ComparisonRound:
    """An input. ``question_ids`` holds its message by column id; a column that was added later may have none."""

    text: str
    question_ids: Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """Columns, rounds and ratings.

    ``ratings`` holds stars (1 to 5) by the answer's message id, ``selected_answers`` the answer that is
    shown by the question's id. ``is_blind`` hides names and settings from the next send on, until every answer is
    rated. Meanwhile ``blind_order`` holds the column ids in random order; it is empty while nothing is hidden.
    """

    columns: tuple[ComparisonColumn, ...]
    rounds: tuple[ComparisonRound, ...] = ()
    repetitions: int = 1
    ratings: Mapping[str, int] = field(default_factory=dict)
    selected_answers: Mapping[str, str] = field(default_factory=dict)
    is_blind: bool = False
    blind_order: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def displayed_columns(self) -> tuple[ComparisonColumn, ...]:
        """The columns in the order of the page."""
        by_id = {column.id: column for column in self.columns}
        # A file may name a column twice.
        shuffled = tuple(by_id[id] for id in dict.fromkeys(self.blind_order) if id in by_id)
        return shuffled if len(shuffled) == len(by_id) else self.columns

    def column(self, id: str) -> ComparisonColumn:
        """Return the column of that id. Raises KeyError."""
        for column in self.columns:
            if column.id == id:
                return column
        raise KeyError(id)

    def with_column(self, id: str) -> Comparison:
        """Add a column named by the first free letter. Raises BadInput beyond MAX_COLUMNS."""
        if len(self.columns) >= MAX_COLUMNS:
            raise BadInput(f"A comparison has at most {MAX_COLUMNS} columns.", advice="Remove one first.")
        taken = {column.name for column in self.columns}
        new = ComparisonColumn(id, next(letter for letter in _LETTERS if letter not in taken))
        return replace(self, columns=(*self.columns, new))

    def without_column(self, id: str) -> Comparison:
        """Remove a column. Raises BadInput below MIN_COLUMNS."""
        if len(self.columns) <= MIN_COLUMNS:
            raise BadInput(
                "A comparison needs at least two columns.", advice="Add a column before you remove this one."
            )
        return replace(self, columns=tuple(column for column in self.columns if column.id != id))

    def with_only_columns(self, ids: Container[str]) -> Comparison:
        """Return the comparison without the columns that are not among these."""
        return replace(
            self,
            columns=tuple(column for column in self.columns if column.id in ids),
            rounds=tuple(
                replace(
                    round,
                    question_ids={id: asked for id, asked in round.question_ids.items() if id in ids},
                )
                for round in self.rounds
            ),
            blind_order=tuple(id for id in self.blind_order if id in ids),
        )

    def with_rating(self, answer: str, stars: int | None) -> Comparison:
        """Rate an answer; None removes its rating."""
        others = {id: rating for id, rating in self.ratings.items() if id != answer}
        return replace(self, ratings=others if stars is None else others | {answer: stars})

    def answers(self, column: ComparisonColumn, thread: Conversation, number: int) -> tuple[Message, ...]:
        """Return the column's answers in that round, one for each repetition, oldest first."""
        question = self.rounds[number].question_ids.get(column.id)
        return tuple(message for message in thread.messages if question and message.parent == question)

    def unrated_answers(self, threads: Threads) -> tuple[str, ...]:
        """Return the ids of the last round's answers that have content and no rating."""
        if not self.rounds:
            return ()
        return tuple(
            answer.id
            for column in self.columns
            for answer in self.answers(column, threads[column.id], len(self.rounds) - 1)
            if answer.id not in self.ratings and (answer.content or answer.calls)
        )


def answer_thread(conversation: Conversation, answer: str) -> tuple[Message, ...]:
    """Return an answer with its tool results and the answers to them, up to the next message of the user."""
    path = conversation.open_message(answer).path()
    start = [message.id for message in path].index(answer)
    end = next((n for n, message in enumerate(path) if n > start and message.role == "user"), len(path))
    return path[start:end]


def repeat_request(model: Model, request: Request, repetition: int) -> Request:
    """Return the request of that repetition, counted from 0. ``model`` is the request's."""
    return replace(request, parameters=advance_seeds(model, request.parameters, repetition))


# The parts of a set-up: label and value as a person reads them.
SetupFields = tuple[tuple[str, str], ...]


def setup_fields(model: Model, system: str, settings: Settings) -> SetupFields:
    """Return all parts of a set-up in an order of the model's own."""
    return tuple(_iter_setup_fields(model, system, settings.sent_values(), settings.features))


def request_setup_fields(model: Model, request: Request, *, with_system: bool = True) -> SetupFields:
    """Return the set-up that a request was sent with, without the seed, which differs among repetitions.

    ``model`` is the request's. Without ``with_system``, the system prompt is left out.
    """
    seeds = {parameter.name for parameter in model.parameters if parameter.is_seed}
    parameters = {name: value for name, value in request.parameters.items() if name not in seeds}
    features = settings_from_request(request, Settings.defaults(model)).features
    system = system_prompt_from_request(request) if with_system else ""
    return tuple(_iter_setup_fields(model, system, parameters, features))


def _iter_setup_fields(
    model: Model, system: str, parameters: Mapping[str, Scalar], features: Features
) -> Iterator[tuple[str, str]]:
    format = features.response_format
    yield MODEL_LABEL, model.id
    yield "System prompt", system.strip()
    yield "Input form", features.form.value
    yield "Answer", "text" if format is None else "JSON" if format.schema is None else "JSON schema"
    yield "Schema", (format.schema or "") if format is not None else ""
    yield "Tools", ", ".join(tool.name for tool in features.tools)
    yield "Tools' texts", " ".join(f"{tool.description} {tool.parameters}" for tool in features.tools)
    yield "Functions", ", ".join(function.name for function in features.functions)
    yield "Functions' code", " ".join(function.code for function in features.functions)
    yield "Adapter", features.lora
    yield "Stream", "on" if features.stream else "off"
    yield "Raw", "on" if features.raw else "off"
    yield "If busy", "refuse" if features.reject_if_busy else "wait"
    labels = {parameter.name: parameter.label for parameter in model.parameters}
    for name, label in labels.items():
        if name in parameters or model.parameter(name).is_usual:
            yield label, _value_text(parameters[name]) if name in parameters else NOT_SENT
    for name, value in parameters.items():
        if name not in labels:
            yield parameter_label(name), _value_text(value)


def _value_text(value: Scalar) -> str:
    if isinstance(value, (bool, str)):
        return format_value(value)
    return f"{value:,g}" if value < 1e6 else f"{value:,}"


def differing_fields(setups: Sequence[SetupFields]) -> tuple[SetupFields, ...]:
    """Return the parts of each set-up that differ; long texts are cut to where they differ.

    A part that a set-up lacks, such as a setting that its model does not have, is not sent.
    """
    differing: list[list[tuple[str, str]]] = [[] for _ in setups]
    by_label = [dict(setup) for setup in setups]
    for label in dict.fromkeys(label for setup in setups for label, _ in setup):
        values = [setup.get(label, NOT_SENT) for setup in by_label]
        if len(set(values)) > 1:
            for fields, value in zip(differing, _cut_excerpts(values), strict=True):
                fields.append((label, value or "none"))
    return tuple(tuple(fields) for fields in differing)


def _cut_excerpts(values: list[str]) -> list[str]:
    values = [" ".join(value.split()) for value in values]
    if max(map(len, values)) <= _MAX_EXCERPT_CHARS:
        return values
    shortest = min(values, key=len)
    difference = next(
        (n for n, char in enumerate(shortest) if any(value[n] != char for value in values)), len(shortest)
    )
    start = 0
    if difference > _MAX_EXCERPT_CHARS - 10:
        start = shortest.rfind(" ", 0, max(difference - 8, 0)) + 1
    return [
        ("…" if start and value[start:] else "")
        + value[start : start + _MAX_EXCERPT_CHARS]
        + ("…" if len(value) > start + _MAX_EXCERPT_CHARS else "")
        for value in values
    ]


@dataclass(frozen=True)
class Standing:
    """The result of a set-up in a column.

    ``wins`` counts the rounds with the best mean of at least two rated columns, ``ties`` the rounds that share it.
    ``stars`` is the mean of all ``rated`` answers.
    """

    column: ComparisonColumn
    setup: SetupFields
    wins: int
    ties: int
    rated: int
    stars: Fraction


def standings(find_model: ModelLookup, comparison: Comparison, threads: Threads) -> tuple[Standing, ...]:
    """Return the results by column and set-up, best first.

    A column has several set-ups if its settings changed between rounds.
    """
    ratings: dict[tuple[ComparisonColumn, SetupFields], list[int]] = {}
    wins: list[tuple[ComparisonColumn, SetupFields]] = []
    ties: list[tuple[ComparisonColumn, SetupFields]] = []
    for number in range(len(comparison.rounds)):
        means: dict[tuple[ComparisonColumn, SetupFields], Fraction] = {}
        for column in comparison.columns:
            answers = comparison.answers(column, threads[column.id], number)
            rated = [answer for answer in answers if answer.id in comparison.ratings]
            if not rated or not rated[0].answers:
                continue
            request = rated[0].answers[0].request
            model = known_or_unknown(find_model, request.model)
            key = (column, request_setup_fields(model, request))
            stars = [comparison.ratings[answer.id] for answer in rated]
            ratings.setdefault(key, []).extend(stars)
            means[key] = Fraction(sum(stars), len(stars))
        best = [key for key, mean in means.items() if mean == max(means.values())]
        if len(means) > 1:
            (wins if len(best) == 1 else ties).extend(best)
    unsorted = [
        Standing(*key, wins.count(key), ties.count(key), len(stars), Fraction(sum(stars), len(stars)))
        for key, stars in ratings.items()
    ]
    return tuple(sorted(unsorted, key=lambda standing: (-standing.wins, -standing.ties, -standing.stars)))


def dump_comparison(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON values."""
    return {
        "version": VERSION,
        "columns": [[column.id, column.name] for column in comparison.columns],
        "rounds": [{"text": round.text, "asked": dict(round.question_ids)} for round in comparison.rounds],
        "repetitions": comparison.repetitions,
        "ratings": dict(comparison.ratings),
        "shown": dict(comparison.selected_answers),
        "blind": comparison.is_blind,
        "hidden": list(comparison.blind_order),
    }


def load_comparison(id: str, body: Any) -> Comparison:
    """Return the comparison in JSON values. Raises BadInput for another version."""
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise BadInput("The comparison was saved by another version of Paddock.", advice="Update Paddock.")
    return Comparison(
        columns=tuple(ComparisonColumn(column, name) for column, name in body["columns"]),
        rounds=tuple(ComparisonRound(round["text"], round["asked"]) for round in body["rounds"]),
        repetitions=body["repetitions"],
        ratings=body["ratings"],
        selected_answers=body["shown"],
        is_blind=body["blind"],
        blind_order=tuple(body["hidden"]),
        id=id,
    )
