"""Comparison: one input under several set-ups, as a value: its columns, its rounds, and how answers were rated."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from lib.api.request import Request, settings_from_request, system_prompt_from_request
from lib.chat.conversation import Conversation, Message
from lib.errors import BadInput
from lib.model.model_record import Model, Number
from lib.model.repetition_seeds import advance_seeds
from lib.model.request_options import Features
from lib.model.settings import Settings

MIN_COLUMNS, MAX_COLUMNS = 2, 4  # columns
MAX_REPETITIONS = 10
MAX_STARS = 5
_LETTERS = "ABCD"
_MAX_EXCERPT_CHARS = 40  # characters
VERSION = 1


@dataclass(frozen=True)
class ComparisonColumn:
    """One set-up and its thread: the conversation of that id. ``name`` is a letter, which it keeps."""

    id: str
    name: str


@dataclass(frozen=True)
class ComparisonRound:
    """One input. ``asked`` gives for a column's id the message that asked it there; a later column may have none."""

    text: str
    question_ids: Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """``ratings``: stars, 1 to 5, by the answer's message. ``shown``: the answer that is looked at, by its question.

    ``blind``: from the next send on, names and settings are hidden until all is rated. ``hidden`` is the order that
    the columns' ids are shuffled into while they are; empty where everything is open.
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
        """The columns as they stand on the page."""
        by_id = {column.id: column for column in self.columns}
        known = tuple(by_id[id] for id in self.blind_order if id in by_id)
        return known if len(known) == len(by_id) else self.columns

    def column(self, id: str) -> ComparisonColumn:
        """The column of that id. Raises KeyError."""
        for column in self.columns:
            if column.id == id:
                return column
        raise KeyError(id)

    def with_column(self, id: str) -> Comparison:
        """The same with another column, named by the first letter that is free. Raises BadInput beyond the fourth."""
        if len(self.columns) >= MAX_COLUMNS:
            raise BadInput(f"There is room for {MAX_COLUMNS} columns.", advice="Remove one first.")
        taken = {column.name for column in self.columns}
        new = ComparisonColumn(id, next(letter for letter in _LETTERS if letter not in taken))
        return replace(self, columns=(*self.columns, new))

    def without_column(self, id: str) -> Comparison:
        """The same without that column. Raises BadInput where only two are left."""
        if len(self.columns) <= MIN_COLUMNS:
            raise BadInput("A comparison needs two columns.", advice="Duplicate one before you remove this.")
        return replace(self, columns=tuple(column for column in self.columns if column.id != id))

    def with_rating(self, answer: str, stars: int | None) -> Comparison:
        """The same with that answer rated; None takes its rating back."""
        kept = {id: given for id, given in self.ratings.items() if id != answer}
        return replace(self, ratings=kept if stars is None else kept | {answer: stars})

    def answers(
        self, column: ComparisonColumn, conversation: Conversation, number: int
    ) -> tuple[Message, ...]:
        """The column's answers to the input of that round, one for each repetition, oldest first."""
        asked = self.rounds[number].question_ids.get(column.id)
        return tuple(message for message in conversation.messages if asked and message.parent == asked)

    def unrated_answers(self, threads: Mapping[str, Conversation]) -> tuple[str, ...]:
        """The answers of the last round that say something and have no rating."""
        if not self.rounds:
            return ()
        return tuple(
            answer.id
            for column in self.columns
            for answer in self.answers(column, threads[column.id], len(self.rounds) - 1)
            if answer.id not in self.ratings and (answer.content or answer.calls)
        )


def answer_thread(conversation: Conversation, answer: str) -> tuple[Message, ...]:
    """An answer and what belongs to it: where it calls tools, their results and what the model made of them."""
    path = conversation.open_message(answer).path()
    at = [message.id for message in path].index(answer)
    end = next((n for n, one in enumerate(path) if n > at and one.role == "user"), len(path))
    return path[at:end]


def repeat_request(model: Model, request: Request, repetition: int) -> Request:
    """Return the request of that repetition, counted from 0."""
    return replace(request, parameters=advance_seeds(model, request.parameters, repetition))


# What a set-up consists of: what each thing is called, and its value as a person reads it.
SetupFields = tuple[tuple[str, str], ...]


def setup_fields(model: Model, system: str, settings: Settings) -> SetupFields:
    """All of a set-up, always in the same order, so that several can be put beside each other."""
    return tuple(_iter_setup_fields(model, system, settings.sent_values(), settings.features))


def request_setup_fields(model: Model, request: Request) -> SetupFields:
    """The set-up that a request was sent with; a seed apart, which differs among repetitions."""
    fixed = {parameter.name for parameter in model.parameters if not parameter.is_seed}
    parameters = {name: value for name, value in request.parameters.items() if name in fixed}
    features = settings_from_request(request, Settings.defaults(model)).features
    return tuple(_iter_setup_fields(model, system_prompt_from_request(request), parameters, features))


def _iter_setup_fields(
    model: Model, system: str, parameters: Mapping[str, Number], features: Features
) -> Iterator[tuple[str, str]]:
    format = features.response_format
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
    for parameter in model.parameters:
        value = parameters.get(parameter.name)
        yield parameter.label, "not sent" if value is None else f"{value:,g}" if value < 1e6 else f"{value:,}"


def differing_fields(setups: Sequence[SetupFields]) -> tuple[SetupFields, ...]:
    """Of each set-up only what is not alike in all of them, long texts from where they part."""
    found: list[list[tuple[str, str]]] = [[] for _ in setups]
    for row in zip(*setups, strict=True):
        values = [value for _, value in row]
        if len(set(values)) > 1:
            for facts, value in zip(found, _cut_excerpts(values), strict=True):
                facts.append((row[0][0], value or "none"))
    return tuple(tuple(facts) for facts in found)


def _cut_excerpts(values: list[str]) -> list[str]:
    values = [" ".join(value.split()) for value in values]
    if max(map(len, values)) <= _MAX_EXCERPT_CHARS:
        return values
    least = min(values, key=len)
    parting = next(
        (n for n, char in enumerate(least) if any(value[n] != char for value in values)), len(least)
    )
    start = max(least.rfind(" ", 0, max(parting - 8, 0)) + 1, 0) if parting > _MAX_EXCERPT_CHARS - 10 else 0
    return [
        ("…" if start and value[start:] else "")
        + value[start : start + _MAX_EXCERPT_CHARS]
        + ("…" if len(value) > start + _MAX_EXCERPT_CHARS else "")
        for value in values
    ]


@dataclass(frozen=True)
class Standing:
    """How a set-up does. ``wins``: rounds in which its mean was alone the best of several that were rated; ``ties``:
    in which it shared that. ``stars`` is the mean over all ``rated`` answers.
    """

    column: ComparisonColumn
    setup: SetupFields
    wins: int
    ties: int
    rated: int
    stars: Fraction


def standings(
    model: Model, comparison: Comparison, threads: Mapping[str, Conversation]
) -> tuple[Standing, ...]:
    """By column and set-up, best first: a column whose settings were changed between rounds has several."""
    given: dict[tuple[ComparisonColumn, SetupFields], list[int]] = {}
    best: list[tuple[ComparisonColumn, SetupFields]] = []
    shared: list[tuple[ComparisonColumn, SetupFields]] = []
    for number in range(len(comparison.rounds)):
        means: dict[tuple[ComparisonColumn, SetupFields], Fraction] = {}
        for column in comparison.columns:
            answers = comparison.answers(column, threads[column.id], number)
            some = [(one, comparison.ratings[one.id]) for one in answers if one.id in comparison.ratings]
            if not some or not some[0][0].answers:
                continue
            key = (column, request_setup_fields(model, some[0][0].answers[0].request))
            stars = [one for _, one in some]
            given.setdefault(key, []).extend(stars)
            means[key] = Fraction(sum(stars), len(stars))
        first = [key for key, mean in means.items() if mean == max(means.values())]
        if len(means) > 1:
            (best if len(first) == 1 else shared).extend(first)
    found = [
        Standing(key[0], key[1], best.count(key), shared.count(key), len(all), Fraction(sum(all), len(all)))
        for key, all in given.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.wins, -one.ties, -one.stars)))


def dump_comparison(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain JSON values."""
    return {
        "version": VERSION,
        "columns": [[column.id, column.name] for column in comparison.columns],
        "rounds": [{"text": one.text, "asked": dict(one.question_ids)} for one in comparison.rounds],
        "repetitions": comparison.repetitions,
        "ratings": dict(comparison.ratings),
        "shown": dict(comparison.selected_answers),
        "blind": comparison.is_blind,
        "hidden": list(comparison.blind_order),
    }


def load_comparison(id: str, body: Any) -> Comparison:
    """The comparison in plain JSON values. Raises BadInput where it is another version's."""
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise BadInput("The comparison is of another version.", advice="Update Paddock.")
    return Comparison(
        columns=tuple(ComparisonColumn(column, name) for column, name in body["columns"]),
        rounds=tuple(ComparisonRound(one["text"], one["asked"]) for one in body["rounds"]),
        repetitions=body["repetitions"],
        ratings=body["ratings"],
        selected_answers=body["shown"],
        is_blind=body["blind"],
        blind_order=tuple(body["hidden"]),
        id=id,
    )
