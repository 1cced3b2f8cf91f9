"""A comparison comes back from its file as it was; a file that is not whole is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lib.chat.conversation import Conversation
from lib.compare.comparison import Comparison, ComparisonColumn, ComparisonRound
from lib.compare.comparison_file import ComparisonFile, dump_comparison_file, read_archive
from lib.errors import BadInput
from lib.files.conversation_import_export import dump_zip
from lib.files.conversation_json import ConversationFile
from lib.model.known_models import find_record
from lib.model.model_record import default_model
from lib.model.settings import Settings
from tests.page.stored_conversations import make_conversation

MODEL = default_model()
SETTINGS = Settings.defaults(MODEL)


def make_file() -> ComparisonFile:
    """Return a rated comparison of two columns."""
    threads: list[Conversation] = [make_conversation(1, "Which?", reply) for reply in ("This.", "That.")]
    columns = tuple(ComparisonColumn(thread.id, name) for thread, name in zip(threads, "AB", strict=True))
    first, second = threads
    comparison = Comparison(
        columns,
        (ComparisonRound("Which?", {thread.id: thread.messages[0].id for thread in threads}),),
        repetitions=3,
        ratings={first.messages[1].id: 5, second.messages[1].id: 2},
        selected_answers={first.messages[0].id: first.messages[1].id},
        is_blind=True,
        blind_order=(second.id, first.id),
    )
    return ComparisonFile(comparison, tuple(ConversationFile(thread, SETTINGS) for thread in threads))


def test_it_comes_back_alone_and_in_a_zip() -> None:
    file = make_file()
    document = dump_comparison_file(file)
    assert list(read_archive(document.encode(), MODEL)) == [file]
    talk = ConversationFile(make_conversation(1, "Alone"), SETTINGS)
    packed = dump_zip([talk], find_record, [(file.title, document)])
    assert list(read_archive(packed, MODEL)) == [talk, file]


def test_new_ids_keep_everything_together() -> None:
    file = make_file()
    new = file.with_new_ids()
    ids = [each.conversation.id for each in new.conversations]
    assert not {*ids, new.comparison.id} & {
        file.comparison.id,
        *(each.conversation.id for each in file.conversations),
    }
    assert [column.id for column in new.comparison.columns] == ids
    assert new.comparison.blind_order == tuple(reversed(ids))
    for column, each, reply in zip(
        new.comparison.columns, new.conversations, ("This.", "That."), strict=True
    ):
        (answer,) = new.comparison.answers(column, each.conversation, 0)
        assert answer.content == reply
        assert answer.id in new.comparison.ratings


Change = Callable[[dict[str, Any]], object]
BROKEN: dict[str, Change] = {
    "another version": lambda body: body.update(version=2),
    "no columns": lambda body: body["comparison"].update(columns=[]),
    "a column without its conversation": lambda body: body["conversations"].pop(),
    "a conversation twice": lambda body: body.update(conversations=[body["conversations"][0]] * 2),
    "a round of an unknown column": lambda body: body["comparison"]["rounds"][0]["asked"].update(other="x"),
    "six stars": lambda body: body["comparison"]["ratings"].update(x=6),
    "a thousand repetitions": lambda body: body["comparison"].update(repetitions=1000),
    "an unknown key": lambda body: body["comparison"].update(more=1),
    "a name that is no letter": lambda body: body["comparison"]["columns"][0].__setitem__(1, "ABC"),
    "a column without a name": lambda body: body["comparison"]["columns"][0].pop(),
    "columns that are no list": lambda body: body["comparison"].update(columns=7),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_refused(what: str) -> None:
    body = json.loads(dump_comparison_file(make_file()))
    BROKEN[what](body)
    with pytest.raises(BadInput):
        list(read_archive(json.dumps(body).encode(), MODEL))
