"""A share link says where it can be opened; a person who opens one is told so, and can go back."""

from __future__ import annotations

from html import escape

from lib.files.qr_code import draw_qr_code
from lib.model.request_options import ResponseFormat
from lib.ui.chat.chat_tab import RAW_PROMPT_STATE
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage, share_address

SHARED = share_address("Their question", "Be brief.", response_format=ResponseFormat())


def test_a_link_to_this_computer_says_so(upstream: Upstream) -> None:
    text = AppTestPage().text()
    assert "This link opens on this computer only" in text
    assert "History → Files → Import" in text


def test_a_phone_gets_the_link_as_a_qr_code(upstream: Upstream) -> None:
    page = AppTestPage(share=True)  # the menu is open
    assert "No QR code: a phone could not open this link." in page.text()
    page.test.context["url"] = "https://paddock.example/"
    page.run()
    link = next(text for text in page.codes() if "?s=" in text)
    assert link.startswith("https://paddock.example?s=")
    assert f'src="{escape(draw_qr_code(link))}"' in page.text()
    long = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(1_500))
    assert "No QR code. The link takes" in page.choose("system", long).text()


def test_an_opened_set_up_is_announced_until_it_is_used(upstream: Upstream) -> None:
    page = AppTestPage(SHARED)
    assert page.put_text == "Their question"
    notice = " ".join(text for text in page.texts() if "A link has opened" in text)
    assert "System prompt: Be brief." in notice
    assert "Answer: JSON" in notice
    said = page.text()
    assert said.index("A link has opened") < said.index("What shall we try?"), "it is read first"
    assert not page.run().has_key("shared-undo") or "A link has opened" in page.text()
    page.send("Their question")
    assert "A link has opened" not in page.text()


def test_undo_goes_back_to_the_conversation_before(upstream: Upstream) -> None:
    page = AppTestPage().choose("system", "My own").send("My question")
    page.test.session_state[RAW_PROMPT_STATE] = "My raw prompt"
    page.test.query_params["s"] = SHARED.partition("=")[2]
    page.run()
    assert page.by_key("system").value == "Be brief."
    page.click("shared-undo")
    assert page.first_texts()[0] == "My question"
    assert page.by_key("system").value == "My own"
    assert page.put_text == ""
    assert page.test.session_state[RAW_PROMPT_STATE] == "My raw prompt"
    assert "A link has opened" not in page.text()


def test_undo_in_a_fresh_tab_opens_an_empty_conversation(upstream: Upstream) -> None:
    page = AppTestPage(SHARED).click("shared-undo")
    assert page.by_key("system").value == ""
    assert page.messages == []
    assert "A link has opened" not in page.text()


def test_keep_removes_the_notice_alone(upstream: Upstream) -> None:
    page = AppTestPage(SHARED).click("shared-keep")
    assert page.by_key("system").value == "Be brief."
    assert "A link has opened" not in page.text()
