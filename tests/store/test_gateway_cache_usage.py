"""An answer from an AI Gateway's cache is stored as such, and its usage is added up apart from what was paid."""

from __future__ import annotations

from decimal import Decimal

from lib.chat.conversation import Conversation
from lib.model.model_record import default_model
from lib.model.settings import Settings
from lib.model.usage import Usage
from lib.store.store import Store
from tests.page.stored_conversations import add_exchange

USAGES = (
    Usage(1_000, 100),
    Usage(2_000, 50, neurons=Decimal("7.5"), from_gateway_cache=True),
    Usage(3_000, 60, from_gateway_cache=True),
)


def test_it_is_kept_and_added_up_apart(store: Store) -> None:
    talk = Conversation()
    for usage in USAGES:
        talk = add_exchange(talk, "Hi", "Hello", usage)
    store.conversations.save("ann", talk, Settings.defaults(default_model()))
    saved = store.conversations.load("ann", talk.id)
    assert saved is not None
    answers = [answer for message in saved.conversation.path() for answer in message.answers]
    assert tuple(answer.usage for answer in answers) == USAGES
    by_day = store.conversations.daily_usage("ann")
    assert sorted((usage.usage.from_gateway_cache, usage.usage.prompt_tokens) for usage in by_day) == [
        (False, 1_000),
        (True, 2_000),
        (True, 3_000),
    ]
