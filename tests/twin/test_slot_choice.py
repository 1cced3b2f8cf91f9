"""A prompt gets the slot that begins like it, and a new conversation leaves the others' slots alone."""

from __future__ import annotations

from contextlib import ExitStack

from lib.twin.slot_choice import SlotChooser
from tests.twin.conftest import STORY, RunningTwin

SYSTEM = "You are a helpful assistant.\n"


def take(chooser: SlotChooser, prompt: str) -> int:
    with chooser.take(prompt) as slot:
        return slot


def test_a_conversation_keeps_its_slot_beside_new_ones() -> None:
    chooser = SlotChooser(3)
    long = SYSTEM + "Tell me about horses. " * 10
    slot = take(chooser, long)
    others = {take(chooser, f"{SYSTEM}{name}? " + name * 50) for name in "ab"}
    assert slot not in others
    assert len(others) == 2
    assert take(chooser, f"{long}And rivers?") == slot
    # Another answer to the same message.
    assert take(chooser, f"{long}And rivers?") == slot


def test_the_longest_beginning_counts() -> None:
    chooser = SlotChooser(3)
    with chooser.take("one two") as first, chooser.take("one two three") as second:
        pass
    assert take(chooser, "one two three four") == second
    assert take(chooser, "one two, too") == first


def test_a_taken_slot_is_not_shared_and_the_least_recent_is_next() -> None:
    chooser = SlotChooser(3)
    with ExitStack() as stack:
        slots = [stack.enter_context(chooser.take("the same")) for _ in range(3)]
        assert sorted(slots) == [0, 1, 2]
    assert [take(chooser, f"{number}") for number in range(3)] == slots


def test_two_conversations_in_turn_read_only_what_is_new(twin: RunningTwin) -> None:
    def ask(*contents: str) -> int:
        """Send a conversation and return the prompt tokens that were read."""
        roles = ["user", "assistant"] * len(contents)
        messages = [
            {"role": role, "content": content} for role, content in zip(roles, contents, strict=False)
        ]
        body = {"messages": messages, "max_tokens": 1}
        usage = twin.client.post(twin.run, json=body).json()["result"]["usage"]
        return int(usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"])

    twin.wait_for(running=0)
    long = STORY * 20
    ask(long)
    # The chat template writes the same system message before both.
    ask("Hello, who are you?")
    assert ask(long, "Once.", "Go on.") < 40
