"""The backend that this session uses, and the dialog that chooses it: the twin or a Cloudflare account."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from lib.api.backend import (
    CLOUDFLARE_URL,
    ENVIRONMENT_VARIABLES,
    GATEWAY_NAMES,
    GATEWAY_TOKEN_NAMES,
    Backend,
    backend_from_environment,
    cloudflare_backend,
)
from lib.errors import BadInput, GatewayTokenRefused, PaddockError
from lib.local_models.model_source import SHIPPED_ID
from lib.local_models.supervised_twin import Failed, Fetching, Loading, Ready, TwinState
from lib.ui.shell.model_menu import ModelMenu
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER, current_owner
from lib.ui.shell.visitor_models import restrict_for_visitor
from lib.ui.widgets.action_button import draw_action_button
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.click_notice import expect_long_run
from lib.ui.widgets.error_box import draw_error

_CHOSEN = "backend"  # in the session's state: a Backend from the dialog, or _TWIN
_TWIN = "twin"
_ACCOUNT, _TOKEN = "connect-account_id", "connect-token"
_GATEWAY, _GATEWAY_TOKEN = "connect-gateway", "connect-gateway_token"
# From developers.cloudflare.com/workers-ai/get-started/rest-api.
_PICTURE = Path(__file__).with_name("static").joinpath("connect.svg")
_PICTURE_TEXT = (
    "Cloudflare's dashboard in a browser. 1: Workers AI in the menu at the left. 2: Use REST API. 3: the button "
    "Create a Workers AI API Token. 4: the account ID below it."
)


@dataclass(frozen=True)
class BackendChoice:
    """``backend`` is None until the twin is up. ``twin`` is the twin's state, None for Cloudflare.

    ``problem`` says what is wrong with the credentials in the environment, also if the AI Gateway refuses them.
    """

    backend: Backend | None
    twin: TwinState | None
    problem: PaddockError | None = None

    @property
    def is_practice_model(self) -> bool:
        """True if the small model answers that comes with Paddock, or is to."""
        return self.twin is not None and registry().supervisor.model == SHIPPED_ID

    @property
    def mark(self) -> str:
        """The text that the model's licence wants wherever it answers, "" for most models."""
        return self.twin.mark if isinstance(self.twin, Ready) else ""

    @property
    def name(self) -> str:
        """The words for it on the page."""
        match self.twin:
            case None | Ready():
                assert self.backend is not None  # noqa: S101
                return self.backend.label
            case Fetching(done, total):
                return f"Practice model (downloading, {min(done / total, 1):.0%})"
            case Loading():
                return f"{self._kind} (starting on this computer)"
            case Failed():
                return f"{self._kind} (not running)"

    @property
    def _kind(self) -> str:
        return "Practice model" if self.is_practice_model else "Model"


def current_choice() -> BackendChoice:
    """Return where the next request goes: the choice of the dialog, else of the environment, else the twin."""
    chosen = st.session_state.get(_CHOSEN)
    if isinstance(chosen, Backend):
        return BackendChoice(chosen, None)
    problem = None
    if chosen != _TWIN:
        try:
            if (backend := backend_from_environment(_environment())) is not None:
                refusal = registry().gateway_check.find_problem(backend)
                return BackendChoice(restrict_for_visitor(backend, current_owner()), None, refusal)
        except BadInput as error:
            problem = error
    supervisor = registry().supervisor
    if not isinstance(supervisor.state, Failed):
        supervisor.start()
    state = supervisor.state
    return BackendChoice(state.backend if isinstance(state, Ready) else None, state, problem)


def _environment() -> dict[str, str]:
    """Return the credentials by name, from the environment, else from .streamlit/secrets.toml."""
    credentials = {name: os.environ[name] for name in ENVIRONMENT_VARIABLES if os.environ.get(name)}
    # Other programs read the variables of the gateway too, so these alone do not hide the file. Without the file,
    # asking for a name would show an error.
    if not credentials.keys() - {*GATEWAY_NAMES, *GATEWAY_TOKEN_NAMES} and st.secrets.load_if_toml_exists():
        credentials = {name: str(st.secrets[name]) for name in ENVIRONMENT_VARIABLES if name in st.secrets}
    return credentials


def draw_picker(choice: BackendChoice, *, busy: bool) -> None:
    """Draw the backend as a button that opens the dialog, as plain text while an answer streams.

    The controls of a dialog would have to wait for the end of the stream.
    """
    icon = ":material/cloud:" if choice.twin is None else ":material/home_work:"
    if busy:
        with st.container(key="place-text"):
            st.markdown(f":small[{icon} {choice.name}]{f' :small[{choice.mark}]' if choice.mark else ''}")
    elif draw_action_button(
        choice.name,
        key="place",
        icon=icon,
        type="tertiary",
        help="Where your answers come from. Click to change.",
    ):
        _dialog()
    if choice.mark and not busy:
        st.caption(choice.mark, width="content")
    if choice.problem is not None:
        draw_error(choice.problem, _problem_title(choice.problem))


def _problem_title(problem: PaddockError) -> str:
    if isinstance(problem, GatewayTokenRefused):
        return "The AI Gateway that this server was started with did not accept its token"
    return "The Cloudflare account that this server was started with cannot be used"


@st.dialog("Where answers come from", icon=":material/lan:")
def _dialog() -> None:
    choice = current_choice()
    st.markdown(f"Now: **{choice.name}**")
    if choice.is_practice_model:
        st.caption(
            "The practice model is a very small model on this computer. It writes fluently, is often wrong, and is "
            "free. It needs no account and no internet connection."
        )
    if isinstance(choice.twin, Failed):
        _draw_failed_twin(choice.twin, "twin-start")
    if current_owner() == LOCAL_OWNER:
        ModelMenu(choice.twin is not None, choose_twin).draw()
    elif choice.twin is None and draw_action_button(
        "Use the model on this computer", key="twin-use", icon=":material/home_work:"
    ):
        choose_twin()
        st.rerun()
    st.divider()
    _draw_connect_form()


def _draw_connect_form() -> None:
    with st.form("connect", border=False):
        st.markdown("**Connect to Cloudflare Workers AI**")
        st.image(_PICTURE.read_text(), alt=_PICTURE_TEXT, width="stretch")
        st.caption(
            "Both are in [Cloudflare's dashboard](https://dash.cloudflare.com): choose **Workers AI**, then **Use "
            "REST API**. Create the token (3) and copy it, then copy the account ID (4)."
        )
        account_id = st.text_input("Account ID", key=_ACCOUNT, placeholder="32 characters: 0–9 and a–f")
        token = st.text_input(
            "API token",
            key=_TOKEN,
            type="password",
            autocomplete="off",
            help="A token with the permission “Workers AI”.",
        )
        gateway = st.text_input(
            "AI Gateway (optional)",
            key=_GATEWAY,
            placeholder="its ID or its address",
            help="Your messages then pass through this gateway of your account, which can log and cache them. Enter "
            "its ID, such as “default”, or its address, which begins with gateway.ai.cloudflare.com/v1/. With "
            "the ID, the token also needs the permission “AI Gateway”. Experiments and comparisons always ask "
            "the model anew, never the gateway's cache.",
        )
        gateway_token = st.text_input(
            "AI Gateway's token (optional)",
            key=_GATEWAY_TOKEN,
            type="password",
            autocomplete="off",
            help="Gateways that demand authentication, as new ones do, let only requests with a token of their own "
            "pass. Create it in the gateway's settings in Cloudflare's dashboard.",
        )
        st.caption(
            "Paddock checks account and tokens, free of charge, before it uses them. It keeps what you enter until "
            "this tab is closed or reloaded, and never saves it."
        )
        connect = st.form_submit_button("Check and connect", type="primary", icon=":material/link:")
    if connect:
        _connect(account_id, token, gateway, gateway_token)


def _connect(account_id: str, token: str, gateway: str, gateway_token: str) -> None:
    """Check what was entered with Cloudflare, and use it; draw the error if it is refused."""
    base_url = _environment().get("CLOUDFLARE_BASE_URL", CLOUDFLARE_URL)
    try:
        backend = cloudflare_backend(account_id, token, base_url, gateway, gateway_token)
        with st.spinner("Checking the account and the token with Cloudflare…"):
            registry().client.check_credentials(backend)
            if backend.gateway is not None:
                registry().client.check_gateway(backend)
    except PaddockError as error:
        draw_error(error)
    else:
        st.session_state[_CHOSEN] = backend
        st.rerun()


def choose_twin() -> None:
    """Let this session's requests go to the model on this computer."""
    st.session_state[_CHOSEN] = _TWIN


def wait_for_twin(choice: BackendChoice, meanwhile: Callable[[], None]) -> None:
    """Show the twin's start in a loop, and rerun the page when the twin is up or has failed.

    ``meanwhile`` is called in each round of the loop.
    """
    if isinstance(choice.twin, Failed):
        _draw_failed_twin(choice.twin, "twin-again")
        return
    progress = st.empty()
    expect_long_run()
    while (now := current_choice()).backend is None and not isinstance(now.twin, Failed):
        with progress:
            draw_twin_progress(now.twin)
        meanwhile()
        time.sleep(0.2)
    st.rerun()


@st.fragment
def draw_twin_start(choice: BackendChoice) -> None:
    """Show the twin's start in a fragment, so that the rest of the page can be used meanwhile."""
    if isinstance(choice.twin, Failed):
        _draw_failed_twin(choice.twin, "twin-again")
        return
    now = current_choice()
    if now.backend is not None or isinstance(now.twin, Failed):
        st.rerun()
    draw_twin_progress(now.twin)
    refresh_after("twin", 1.0)


def draw_twin_progress(twin: TwinState | None) -> None:
    """Draw how far the twin's start is."""
    if isinstance(twin, Fetching):
        text = (
            f"Downloading the practice model, only once: {twin.done / 1e6:.0f} of {twin.total / 1e6:.0f} MB"
        )
        st.progress(min(twin.done / twin.total, 1.0), text=text)
    else:
        st.progress(0.0, text="Starting the model on this computer …")


def _draw_failed_twin(twin: Failed, key: str) -> None:
    draw_error(PaddockError(twin.reason, advice=twin.advice), "The model on this computer is not running")
    st.button("Start it again", key=key, icon=":material/refresh:", on_click=registry().supervisor.start)
