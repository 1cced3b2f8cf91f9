"""A chat whose settings name a model: it is asked if it is listed here, and kept and said if it is not."""

from __future__ import annotations

from dataclasses import replace

from lib.chat.conversation import Conversation
from lib.files import share_link
from lib.files.share_link import SharedSetup
from lib.model.model_record import default_model
from lib.model.settings import Settings
from lib.ui.chat.next_send import NextSendView
from lib.ui.shell.registry import registry
from tests.model.catalogue_models import EFFORT, LARGE
from tests.model.catalogue_records import LISTED, SCHEMAS
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage


def address_of(settings: Settings) -> str:
    link = share_link.encode_link(SharedSetup("", settings, "Hi"))
    return f"/?{share_link.QUERY_PARAMETER}={link}"


def list_models(upstream: Upstream, *ids: str) -> None:
    """Let Paddock know the account's models, and the settings of these."""
    upstream.models, upstream.schemas = [*LISTED, {"name": default_model().id}], dict(SCHEMAS)
    page = AppTestPage(path="pages/model.py")
    page.choose("section", "Other models")
    for id in ids:
        page.choose("other-model", id)


def test_a_shared_link_opens_with_its_model(upstream: Upstream) -> None:
    list_models(upstream, EFFORT.id)
    page = AppTestPage(address_of(Settings.defaults(EFFORT).with_value("reasoning_effort", "high")))
    assert f"Model: {EFFORT.id}" in page.text(), "what the link changes from the usual"
    page.send("Hi")
    request = upstream.wait_for_request()
    assert request.path.endswith(f"/ai/run/{EFFORT.id}")
    assert request.body["reasoning_effort"] == "high"


def test_a_model_that_is_not_listed_is_said_and_nothing_is_sent(upstream: Upstream) -> None:
    settings = replace(Settings.defaults(LARGE), model="@cf/acme/gone").with_value("temperature", 1.5)
    page = AppTestPage(address_of(settings))
    page.send("Hi")
    assert "@cf/acme/gone is not among the models" in page.text()
    assert upstream.requests == []
    [chat] = [chat for _, chat in registry()._chats.entries() if chat.settings.model == "@cf/acme/gone"]
    assert chat.settings == settings
    assert chat.conversation == replace(Conversation(), id=chat.id)


def test_the_session_of_a_conversation_stands_in_the_exact_request(upstream: Upstream) -> None:
    """Only models with a price for cached input get one; its value is what is sent."""
    list_models(upstream, EFFORT.id)
    page = AppTestPage(address_of(Settings.defaults(EFFORT)))
    page.send("Hi")
    sent = upstream.wait_for_request().headers["x-session-affinity"]
    page.write("And now?")
    assert f"x-session-affinity: {sent}" in page.text(page.by_key("ahead"))
    page.choose("ahead-part", NextSendView.CODE)
    assert any("x-session-affinity" in code and sent in code for code in page.codes(page.by_key("ahead")))
    page = AppTestPage()
    page.write("Hello")
    assert "x-session-affinity" not in page.text(page.by_key("ahead"))
