"""Properties of every conversation tree."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from lib.api.request import Turn
from lib.chat.conversation import Conversation, Message


@strategies.composite
def conversations(draw: strategies.DrawFn) -> Conversation:
    """Draw any tree: each message is at the root or under an earlier one."""
    conversation = Conversation(system=draw(strategies.sampled_from(["", " ", "Be kind."])))
    for number in range(draw(strategies.integers(1, 12))):
        parents = [None, *(message.id for message in conversation.messages)]
        role = draw(strategies.sampled_from(["user", "assistant"]))
        content = draw(strategies.sampled_from(["", "x", "text"]))
        parent = draw(strategies.sampled_from(parents))
        conversation = conversation.append(Message(role, content, parent, id=str(number)))
    return conversation


def descendants(conversation: Conversation, id: str) -> list[str]:
    """Return a message and its descendants, oldest first, without the code of open_message()."""
    ids = [id]
    for message in conversation.messages:
        if message.parent == id:
            ids += descendants(conversation, message.id)
    return sorted(ids, key=int)


@given(conversations())
def test_path(conversation: Conversation) -> None:
    path = conversation.path()
    assert path[0].parent is None
    assert path[-1].id == conversation.head == conversation.messages[-1].id
    assert all(below.parent == above.id for above, below in zip(path, path[1:]))  # noqa: B905, RUF007 (3.10)
    assert Conversation().path() == ()


@given(conversations())
def test_open(conversation: Conversation) -> None:
    for message in conversation.messages:
        opened = conversation.open_message(message.id)
        assert message in opened.path()
        assert opened.head == descendants(conversation, message.id)[-1], "down to its newest descendant"
        assert not any(other.parent == opened.head for other in conversation.messages), (
            "the path ends at a leaf"
        )
        assert opened.messages == conversation.messages
        assert opened.open_message(message.id) == opened
    assert conversation.open_message(conversation.messages[-1].id) == conversation


@given(conversations())
def test_variants(conversation: Conversation) -> None:
    for message in conversation.messages:
        variants = conversation.variants(message)
        assert message in variants
        assert [int(variant.id) for variant in variants] == sorted(int(variant.id) for variant in variants)
        assert all(conversation.variants(variant) == variants for variant in variants)
    groups = {conversation.variants(message) for message in conversation.messages}
    assert sum(map(len, groups)) == len(conversation.messages), "each message stands at one place"


@given(conversations(), strategies.data())
def test_put(conversation: Conversation, data: strategies.DataObject) -> None:
    old = data.draw(strategies.sampled_from(conversation.messages))
    changed = conversation.replace_message(Message(old.role, "new", old.parent, id=old.id))
    assert changed.message(old.id).content == "new"
    assert [message.id for message in changed.messages] == [message.id for message in conversation.messages]
    assert changed.replace_message(old) == conversation
    stranger = Message("user", "x")
    assert conversation.replace_message(stranger) == conversation


@given(conversations())
def test_turns(conversation: Conversation) -> None:
    turns = conversation.turns(conversation.head)
    system = [Turn("system", conversation.system)] if conversation.system.strip() else []
    texts = [Turn(message.role, message.content) for message in conversation.path() if message.content]
    assert list(turns) == system + texts
    assert list(conversation.turns(None)) == system


def test_values() -> None:
    first = Message("user", "a")
    empty = Conversation()
    conversation = empty.append(first)
    assert empty.messages == ()
    assert conversation.head == first.id
    assert conversation.id == empty.id
    assert Message("user", "a").id != first.id
    for ask in (conversation.message, conversation.open_message):
        with pytest.raises(KeyError):
            ask("nobody")


def test_a_long_conversation_is_no_recursion() -> None:
    conversation = Conversation()
    for _ in range(3000):
        conversation = conversation.append(Message("user", "x", conversation.head))
    assert len(conversation.path()) == 3000
    assert conversation.open_message(conversation.messages[0].id) == conversation
