"""A comparison as a JSON document and back: its rounds and ratings, and the conversation of each column."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lib.compare.comparison import (
    MAX_COLUMNS,
    MAX_REPETITIONS,
    Comparison,
    ComparisonColumn,
    ComparisonRound,
    dump_comparison,
)
from lib.compare.comparison import VERSION as COMPARISON_VERSION
from lib.files.answer_codec import parse_id
from lib.files.conversation_import_export import read_conversations
from lib.files.conversation_json import (
    ConversationFile,
    dump_conversation,
    parse_conversation,
    with_new_id,
)
from lib.jsonkit.json_reader import BadFile, Node
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.model_record import Model

FORMAT = "paddock.comparison"
VERSION = 1
_MAX_ROUNDS = 10_000
_OTHER_VERSION_ADVICE = "Use the version of Paddock that made it, or a newer one."


@dataclass(frozen=True)
class ComparisonFile:
    """A comparison with the conversations of its columns, in their order."""

    comparison: Comparison
    conversations: tuple[ConversationFile, ...]

    @property
    def title(self) -> str:
        """The first input."""
        rounds = self.comparison.rounds
        return rounds[0].text if rounds else "Comparison"

    def with_new_ids(self) -> ComparisonFile:
        """Return the comparison with new ids for itself and its columns, so that an import overwrites nothing."""
        conversations = tuple(
            replace(file, conversation=with_new_id(file.conversation)) for file in self.conversations
        )
        new_ids = {
            old.conversation.id: new.conversation.id
            for old, new in zip(self.conversations, conversations, strict=True)
        }
        comparison = replace(
            self.comparison,
            id=uuid.uuid4().hex,
            columns=tuple(replace(column, id=new_ids[column.id]) for column in self.comparison.columns),
            rounds=tuple(
                replace(
                    round, question_ids={new_ids[id]: question for id, question in round.question_ids.items()}
                )
                for round in self.comparison.rounds
            ),
            blind_order=tuple(new_ids[id] for id in self.comparison.blind_order),
        )
        return ComparisonFile(comparison, conversations)


def dump_comparison_file(file: ComparisonFile) -> str:
    """Return the document."""
    body = {
        "format": FORMAT,
        "version": VERSION,
        "id": file.comparison.id,
        "comparison": dump_comparison(file.comparison),
        "conversations": [json.loads(dump_conversation(each)) for each in file.conversations],
    }
    return replace_lone_surrogates(json.dumps(body, ensure_ascii=False, indent=1)) + "\n"


def read_archive(data: bytes, model: Model) -> Iterator[ConversationFile | ComparisonFile]:
    """Yield all conversations and comparisons in an exported file or a zip of them. Raise BadInput."""
    return read_conversations(data, model, {FORMAT: parse_comparison_file})


def parse_comparison_file(root: Node, model: Model) -> ComparisonFile:
    """Return the comparison in a parsed document. Raise BadInput, which says what is wrong and where."""
    if root["version"].value != VERSION:
        raise BadFile("The comparison was written by another version.", advice=_OTHER_VERSION_ADVICE)
    root.require_only_keys("format", "version", "id", "comparison", "conversations")
    conversations = tuple(
        parse_conversation(node, model) for node in root["conversations"].items(MAX_COLUMNS)
    )
    ids = [file.conversation.id for file in conversations]
    comparison = replace(_parse_comparison(root["comparison"], ids), id=parse_id(root["id"]))
    by_id = {file.conversation.id: file for file in conversations}
    return ComparisonFile(comparison, tuple(by_id[column.id] for column in comparison.columns))


def _parse_comparison(node: Node, ids: list[str]) -> Comparison:
    if node["version"].value != COMPARISON_VERSION:
        raise BadFile("The comparison was written by another version.", advice=_OTHER_VERSION_ADVICE)
    node.require_only_keys(
        "version", "columns", "rounds", "repetitions", "ratings", "shown", "blind", "hidden"
    )
    columns = tuple(_parse_column(item) for item in node["columns"].items(MAX_COLUMNS))
    if sorted(column.id for column in columns) != sorted(ids) or len(set(ids)) < len(ids) or not ids:
        raise node["columns"].error("do not name the conversations, each once")

    def parse_column_id(item: Node) -> str:
        return item.one_of(ids)

    return Comparison(
        columns=columns,
        rounds=tuple(
            ComparisonRound(
                item["text"].text(),
                {_known(key, ids, value): parse_id(value) for key, value in item["asked"].fields()},
            )
            for item in node["rounds"].items(_MAX_ROUNDS)
        ),
        repetitions=node["repetitions"].integer(1, MAX_REPETITIONS),
        ratings={key: value.integer(1, 5) for key, value in node["ratings"].fields()},
        selected_answers=_parse_ids(node["shown"]),
        is_blind=node["blind"].boolean(),
        blind_order=tuple(parse_column_id(item) for item in node["hidden"].items(MAX_COLUMNS)),
    )


def _parse_column(node: Node) -> ComparisonColumn:
    entries = list(node.items(2))
    if len(entries) < 2:
        raise node.error("must be an id and a name")
    id, name = entries
    return ComparisonColumn(parse_id(id), name.text(1))


def _known(id: str, ids: list[str], node: Node) -> str:
    if id not in ids:
        raise node.error("is of a column that is not there")
    return id


def _parse_ids(node: Node) -> Mapping[str, str]:
    return {key: parse_id(value) for key, value in node.fields()}
