"""The icon of the browser's tab and the logo, sent as ``st.set_page_config`` and ``st.logo`` send them.

Those load NumPy and Pillow for every image, also for an SVG (1.67, ``image_to_url``). No page needs either before it
draws a table, and loading them is a fifth of the server's work for its first visit.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Logo_pb2 import Logo
from streamlit.proto.PageConfig_pb2 import PageConfig
from streamlit.runtime.scriptrunner import get_script_run_ctx

_STATIC = Path(__file__).with_name("static")


def set_tab_icon() -> None:
    """Show Paddock's icon in the browser's tab."""
    config = PageConfig(
        favicon=_data_url("icon.svg"),
        layout=PageConfig.LAYOUT_UNSET,
        initial_sidebar_state=PageConfig.SIDEBAR_UNSET,
    )
    _send(ForwardMsg(page_config_changed=config))


def draw_logo() -> None:
    """Draw Paddock's logo at the top left of the page."""
    _send(ForwardMsg(logo=Logo(image=_data_url("paddock.svg"), image_type=Logo.IMAGE, size="large")))


@cache
def _data_url(name: str) -> str:
    """Return an SVG of the static files as an address that holds its content."""
    return f"data:image/svg+xml;base64,{b64encode((_STATIC / name).read_bytes()).decode()}"


def _send(message: ForwardMsg) -> None:
    context = get_script_run_ctx()
    if context is not None:
        context.enqueue(message)
