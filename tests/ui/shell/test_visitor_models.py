"""Visitors ask the default model with the owner's account, and what the owner allows besides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.api.backend import Backend
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.errors import BadInput
from lib.experiment.checks.check_kinds import Judge
from lib.experiment.plan import Plan, Variant
from lib.files import share_link
from lib.files.share_link import SharedSetup
from lib.model.model_record import DEFAULT_MODEL_ID, default_model
from lib.model.settings import Settings
from lib.runner.progress import RunState
from lib.store.store import Store
from lib.ui.shell import visitor_cookie
from lib.ui.shell.backend_picker import current_choice
from lib.ui.shell.visitor_models import parse_visitor_models, restrict_for_visitor
from tests import sample_values
from tests.model.catalogue_models import EFFORT, LARGE, LISTED_MODELS
from tests.model.catalogue_records import LISTED, SCHEMAS
from tests.page.upstream import ACCOUNT, TOKEN, Upstream
from tests.runner import run_fixtures
from tests.ui.app_test_page import AppTestPage

VISITOR = "visitor:somebody"
VARIABLE = "PADDOCK_VISITOR_MODELS"


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", {DEFAULT_MODEL_ID}),
        (" , ", {DEFAULT_MODEL_ID}),
        (f" {LARGE.id} ,{EFFORT.id}", {DEFAULT_MODEL_ID, LARGE.id, EFFORT.id}),
        ("*", None),
        (f"{LARGE.id}, *", None),
    ],
)
def test_the_owners_setting(text: str, allowed: set[str] | None) -> None:
    assert parse_visitor_models(text) == allowed


def test_only_visitors_and_only_the_owners_money() -> None:
    backend = sample_values.make_backend("https://api.example/client/v4")
    for owner in (VISITOR, "user:ann@example.org", "session:1"):
        restricted = restrict_for_visitor(backend, owner, {})
        assert restricted.allowed_models == {DEFAULT_MODEL_ID}
        assert replace(restricted, allowed_models=None) == backend
        free = replace(backend, billed=False)
        assert restrict_for_visitor(free, owner, {}) == free
        assert restrict_for_visitor(backend, owner, {VARIABLE: "*"}) == backend
    assert restrict_for_visitor(backend, visitor_cookie.LOCAL_OWNER, {}) == backend


@pytest.fixture
def visitor(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    """Let the pages take every session for a visitor's; the account lists several models."""
    upstream.models, upstream.schemas = [*LISTED, {"name": DEFAULT_MODEL_ID}], dict(SCHEMAS)
    page = AppTestPage(path="pages/model.py")  # the owner's: the server knows the models since then
    page.choose("section", "Other models")
    page.choose("other-model", LARGE.id)
    monkeypatch.setattr(visitor_cookie, "_request_owner", lambda: VISITOR)
    return upstream


def shared_address(settings: Settings) -> str:
    link = share_link.encode_link(SharedSetup("", settings, "Hi"))
    return f"/?{share_link.QUERY_PARAMETER}={link}"


def test_a_shared_link_cannot_spend_on_a_dearer_model(visitor: Upstream) -> None:
    page = AppTestPage(shared_address(Settings.defaults(LARGE)))
    page.send("Hi")
    assert f"Visitors of this Paddock may not ask {LARGE.id}" in page.text()
    assert visitor.requests == []
    AppTestPage().send("Hi")
    assert len(visitor.requests) == 1, "the default model answers"


def test_the_owner_can_allow_it(visitor: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, LARGE.id)
    page = AppTestPage(shared_address(Settings.defaults(LARGE)))
    page.send("Hi")
    assert visitor.wait_for_request().path.endswith(f"/ai/run/{LARGE.id}")


def test_the_local_owner_asks_every_model(
    upstream: Upstream, visitor: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_cookie, "_request_owner", lambda: visitor_cookie.LOCAL_OWNER)
    page = AppTestPage(shared_address(Settings.defaults(LARGE)))
    page.send("Hi")
    assert upstream.wait_for_request().path.endswith(f"/ai/run/{LARGE.id}")


def test_a_visitors_own_account_asks_every_model(visitor: Upstream) -> None:
    page = AppTestPage(shared_address(Settings.defaults(LARGE)))
    page.click("place")
    page.by_key("connect-account_id").set_value(ACCOUNT)
    page.by_key("connect-token").set_value(TOKEN)
    page.by_key("FormSubmitter:connect-Check and connect").click()
    page.by_key("place").click()
    page.run()
    page.send("Hi")
    assert visitor.wait_for_request().path.endswith(f"/ai/run/{LARGE.id}")


def restricted_backend(url: str) -> Backend:
    return replace(sample_values.make_backend(url), allowed_models=frozenset({DEFAULT_MODEL_ID}))


def plans() -> list[Plan]:
    """Return plans, as of imported files, that ask another model: by the axis, a preset, the base, or the judge."""
    plan = run_fixtures.numbers_plan(2)
    large = Settings.defaults(LARGE)
    return [
        replace(plan, models=(DEFAULT_MODEL_ID, LARGE.id)),
        replace(plan, variants=(Variant("Large", large), Variant("Small", plan.base))),
        replace(plan, base=large),
        replace(plan, base=large, models=(DEFAULT_MODEL_ID,), checks=(Judge("Is it polite?"),)),
    ]


@pytest.mark.parametrize("number", range(4))
def test_an_experiment_does_not_start(number: int, tmp_path: object) -> None:
    store = Store(f"sqlite:///{tmp_path}/paddock.sqlite3")
    run = run_fixtures.new_run(store, plans()[number])
    with pytest.raises(BadInput, match="may not ask"):
        run.start(restricted_backend("http://127.0.0.1:9/client/v4"))
    assert run.state is not RunState.RUNNING
    store.close()


def test_a_refused_send_changes_no_conversation() -> None:
    """A column of a comparison is such a chat too."""
    chat = ChatSession(
        sample_values.make_client(), default_model(), Conversation(), find_model=LISTED_MODELS.get
    )
    chat.use_model(LARGE)
    with pytest.raises(BadInput, match="may not ask"):
        chat.send("Hi", restricted_backend("http://127.0.0.1:9/client/v4"))
    assert chat.conversation.messages == ()


def test_the_choice_of_models_shows_the_allowed_ones(visitor: Upstream) -> None:
    choice = current_choice()
    assert choice.backend is not None
    assert choice.backend.allowed_models == {DEFAULT_MODEL_ID}
    page = AppTestPage(path="pages/experiment.py").click("section-settings-head")
    assert [option.split(" · ")[0] for option in page.by_key("ways-models").options] == [
        DEFAULT_MODEL_ID.rpartition("/")[2]
    ]
