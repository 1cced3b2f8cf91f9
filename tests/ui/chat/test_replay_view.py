"""The replay of an answer on the chat page."""

from __future__ import annotations

from lib.chat.conversation import Message
from lib.chat.replay import Recording, Replay, TimedText
from lib.ui.chat.chat_tab import REPLAY
from lib.ui.chat.message_menu import MessageAction
from lib.ui.chat.replay_view import ReplayedMessage
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage


def replay_paused(page: AppTestPage, shown: str, later: str) -> AppTestPage:
    """Let the page replay its first answer, paused after ``shown``."""
    chat = registry().find_chat(LOCAL_OWNER, page.test.query_params["c"])
    assert chat is not None
    message: Message = chat.conversation.path()[1]
    pieces = (TimedText(0.0, shown), TimedText(30.0, later))
    recording = Recording(message.answers[-1].request, "", pieces, 60.0, False)
    replay = Replay(recording)
    replay.pause()
    page.test.session_state[REPLAY] = ReplayedMessage(chat.id, message, replay)
    return page.run()


def test_a_replay_sends_nothing_and_ends_by_itself(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("One two three"))
    page = AppTestPage().send("Count")
    page.choose_in_menu(page.answers[0], MessageAction.REPLAY)
    assert page.first_texts() == ["Count", "One two three"]
    assert page.figures().endswith("finished")
    assert REPLAY not in page.test.session_state
    assert len(upstream.requests) == 1


def test_a_replay_is_marked_and_shows_what_had_come(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("One two three"), StreamReply("Four"))
    page = replay_paused(AppTestPage().send("Count").send("More"), "One two", " three")
    assert len(page.messages) == 2  # what follows is hidden meanwhile
    assert "Replay" in page.text(page.answers[0])
    assert "spread evenly over its 60.0 s" in page.text(page.answers[0])
    assert "One two" in page.texts(page.answers[0])
    assert page.click("replay-stop").first_texts() == ["Count", "One two three", "More", "Four"]
    replay_paused(page, "One two", " three")
    assert page.send("Another").first_texts()[-2:][0] == "Another"
    assert not page.has_key("replay-stop")


def test_a_presenter_can_replay_the_last_answer(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("One two three"))
    page = AppTestPage().send("Count").click("present").click("present-replay")
    assert page.first_texts() == ["Count", "One two three"]
    replay_paused(page, "One two", " three")
    assert not page.click("present-escape").has_key("replay-stop")
    assert page.has_key("present-replay")  # Escape ended the replay alone
    replay_paused(page, "One two", " three")
    assert page.click("replay-stop").has_key("present-replay")
    assert len(upstream.requests) == 1
