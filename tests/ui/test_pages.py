"""The pages in process: each is drawn without an exception, alone and whatever the environment holds."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lib.api.backend import ENVIRONMENT_VARIABLES, Secret, twin_backend
from lib.local_models.supervised_twin import Ready
from lib.local_models.supervisor import Supervisor
from lib.model.model_record import default_model
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.app_process import ROOT
from tests.page.upstream import ACCOUNT, TOKEN
from tests.ui.app_test_page import WHOLE_APP, AppTestPage, plain_text

CREDENTIALS = {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": TOKEN}


def page(path: str) -> AppTest:
    """A page, run once."""
    return AppTest.from_file(str(ROOT / path), default_timeout=60).run()


@pytest.mark.parametrize("name", ["chat", "compare", "experiment", "history", "model"])
@pytest.mark.parametrize(
    "environment", [{}, CREDENTIALS, {"CLOUDFLARE_API_TOKEN": TOKEN}], ids=["none", "good", "half"]
)
def test_a_page_is_drawn(name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    at = AppTestPage(path=WHOLE_APP).go_to(name).test
    text = " ".join(element.value for element in [*at.markdown, *at.caption, *at.error])
    assert TOKEN not in text


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"CLOUDFLARE_API_TOKEN": TOKEN}, "CLOUDFLARE_ACCOUNT_ID is missing"),
        ({"CLOUDFLARE_ACCOUNT_ID": ACCOUNT}, "CLOUDFLARE_API_TOKEN is missing"),
        (CREDENTIALS | {"CLOUDFLARE_ACCOUNT_ID": "1234"}, "exactly 32 characters"),
        (CREDENTIALS | {"CLOUDFLARE_API_TOKEN": "a b"}, "The API token is empty, or it has"),
        (CREDENTIALS | {"CLOUDFLARE_BASE_URL": "http://example.com"}, "only to an https address"),
        (CREDENTIALS | {"CLOUDFLARE_BASE_URL": "nonsense"}, "must look like https://host/path"),
    ],
)
def test_credentials_that_cannot_be_used_are_named(
    environment: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    at = page("pages/chat.py")
    assert not at.exception
    assert any(message in plain_text(error.value) for error in at.error)


def test_cloudflares_other_name_for_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("CLOUDFLARE_AUTH_TOKEN", TOKEN)
    at = page("pages/chat.py")
    assert not at.exception
    assert not at.error
    assert any(f"account …{ACCOUNT[-4:]}" in button.label for button in at.button)


def test_every_parameter_of_the_record_has_its_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    at = page("pages/chat.py")
    # The few that most people use come first.
    parameters = sorted(default_model().parameters, key=lambda parameter: not parameter.simple_label)
    labels = [parameter.label for parameter in parameters]
    switches = [toggle for toggle in at.toggle if toggle.label in labels]  # Stream and Raw are no parameters
    assert [toggle.label for toggle in switches] == labels
    for toggle in switches:
        toggle.set_value(True)
    at.run()
    assert not at.exception
    assert [slider.label for slider in at.slider] == [parameter.label for parameter in parameters]
    boxes = [box.label for box in at.number_input]
    assert boxes == [parameter.label for parameter in parameters]
    for parameter, slider in zip(parameters, at.slider, strict=True):
        assert slider.min == parameter.minimum
        assert slider.max == (
            default_model().context_window if parameter.maximum is None else parameter.maximum
        )
        assert slider.step == parameter.step
        assert slider.value == parameter.start


def test_the_model_is_described() -> None:
    at = page("pages/model.py")
    text = " ".join(element.value for element in at.markdown)
    assert default_model().id in text
    for parameter in default_model().parameters:
        assert f"`{parameter.name}`" in text
    assert [metric.value for metric in at.metric][:3] == ["60,000 tokens", "$0.027", "$0.20"]


@pytest.mark.parametrize("who", [LOCAL_OWNER, "visitor:somebody"])
def test_the_twins_token_is_for_its_own_machine(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = twin_backend("http://127.0.0.1:1/client/v4", ACCOUNT, Secret(TOKEN), "A model", 8192)
    monkeypatch.setattr(Supervisor, "state", property(lambda self: Ready(here, "file", 1)))
    monkeypatch.setattr("lib.ui.model.model_reference.current_owner", lambda: who)
    at = AppTest.from_file(str(ROOT / "pages/model.py"), default_timeout=60)
    at.session_state["section"] = "Endpoints"
    at.run()
    assert not at.exception
    assert any("CLOUDFLARE_API_TOKEN=your-token" in code.value for code in at.code)
    assert [toggle.label for toggle in at.toggle] == (["Show the token"] if who == LOCAL_OWNER else [])
    if who == LOCAL_OWNER:
        at.toggle[0].set_value(True).run()
    assert any(TOKEN in code.value for code in at.code) == (who == LOCAL_OWNER)


def test_the_mark_that_a_licence_wants_stands_beside_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    here = twin_backend("http://127.0.0.1:1/client/v4", ACCOUNT, Secret(TOKEN), "Llama 3.2 1B Instruct", 8192)
    state = Ready(here, "file", 1, "Built with Llama")
    monkeypatch.setattr(Supervisor, "state", property(lambda self: state))
    # The credentials of the other tests would be used instead.
    for name in ENVIRONMENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    at = AppTest.from_file(str(ROOT / "pages/chat.py"), default_timeout=60).run()
    assert not at.exception
    assert [caption.value for caption in at.caption].count("Built with Llama") == 1
