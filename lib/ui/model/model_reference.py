"""The model's documented capabilities and schemas, the API's endpoints, and how to use them from code."""

from __future__ import annotations

import json

import streamlit as st

from lib.api.backend import ACCOUNT_NAMES, BASE_URL_NAMES, CLOUDFLARE_URL, TOKEN_NAMES, Backend
from lib.api.endpoints import ENDPOINTS, TWIN_ENDPOINTS, Endpoint
from lib.model.model_record import Model
from lib.ui.shell import backend_picker
from lib.ui.shell.visitor_cookie import LOCAL_OWNER, current_owner

TOKEN_PLACEHOLDER = "your-token"  # noqa: S105 - stands where the token goes


def draw_capabilities(model: Model) -> None:
    """Draw what the model can do besides writing text, by its documentation."""
    st.caption("By Cloudflare's documentation. Cloudflare may accept a setting that this model ignores.")
    for capability in model.capabilities:
        with st.container(key=f"capability-{capability.name}", border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{capability.label}** &nbsp; `{capability.field}`", width="stretch")
                if capability.listed:
                    st.badge("Documented", icon=":material/check:", color="green")
                else:
                    st.badge("Not confirmed for this model", icon=":material/help:", color="orange")
            st.markdown(f"{capability.documented} [Source]({capability.source})")


def draw_schemas(model: Model) -> None:
    """Draw the schemas of input and output, as trees and as downloads."""
    st.caption(
        "Cloudflare's JSON Schemas, for programmers. The controls and the practice model keep to them."
    )
    stem = model.id.rpartition("/")[2]
    for title, schema in (("Input", model.input_schema), ("Output", model.output_schema)):
        name = title.lower()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(title, width="stretch", anchor=False)
            st.download_button(
                "Download",
                json.dumps(schema, indent=2, ensure_ascii=False),
                f"{stem}.{name}.schema.json",
                mime="application/schema+json",
                key=f"schema-{name}",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
            )
        with st.container(key=f"tree-{name}"):
            st.json(dict(schema), expanded=3)


def draw_endpoints(model: Model, choice: backend_picker.BackendChoice) -> None:
    """Draw where requests go now, the endpoints there, and how to reach them from the user's own code."""
    st.subheader("Where requests go", anchor=False)
    backend_picker.draw_picker(choice, busy=False)
    if choice.backend is None:
        st.caption("The address appears here when the practice model has started.")
    else:
        _draw_own_code(model, choice.backend)
    st.subheader("Addresses of the API", anchor=False)
    base = CLOUDFLARE_URL if choice.backend is None else choice.backend.base_url
    st.markdown(f"All of them begin with `{base}`, with the header `Authorization: Bearer TOKEN`.")
    for title, endpoints in (
        ("Cloudflare and the practice model", ENDPOINTS),
        ("Only the practice model", TWIN_ENDPOINTS),
    ):
        st.markdown(f"**{title}**")
        with st.container(gap="small"):
            for endpoint in endpoints:
                _draw_endpoint(endpoint, model)


def _draw_endpoint(endpoint: Endpoint, model: Model) -> None:
    path = endpoint.path.replace("{model}", model.id).replace("{account}", "{account_id}")
    st.markdown(
        f":{'green' if endpoint.method == 'GET' else 'blue'}-badge[{endpoint.method}] `{path}`  \n{endpoint.purpose}"
    )


def _draw_own_code(model: Model, backend: Backend) -> None:
    """Draw variables to copy. Only the twin's token can be shown, and only to a user of this machine."""
    token = TOKEN_PLACEHOLDER
    st.markdown("For your own programs (any client of Workers AI):")
    if backend.billed:
        st.caption("Insert your own API token. Paddock shows it to nobody and does not save it.")
    elif current_owner() == LOCAL_OWNER:
        if st.toggle(
            "Show the token",
            key="show-token",
            help="It lets programs on this computer use the model on it, nothing else. It is new at each start, "
            "and when another model answers.",
        ):
            token = backend.token.reveal()
    else:
        st.caption("Only programs on the computer that Paddock runs on can use the practice model.")
    base = CLOUDFLARE_URL
    lines = [f"export {ACCOUNT_NAMES[0]}={backend.account_id}", f"export {TOKEN_NAMES[0]}={token}"]
    if backend.base_url != CLOUDFLARE_URL:
        base = f"${BASE_URL_NAMES[0]}"
        lines.insert(0, f"export {BASE_URL_NAMES[0]}={backend.base_url}")
    with st.container(key="variables"):
        st.code("\n".join(lines), language="bash", wrap_lines=True)
    st.markdown("For example:")
    with st.container(key="example"):
        st.code(
            f'curl "{base}/accounts/${ACCOUNT_NAMES[0]}/ai/run/{model.id}" \\\n'
            f'  -H "Authorization: Bearer ${TOKEN_NAMES[0]}" \\\n'
            """  -d '{"prompt": "Why is the sky blue?"}'""",
            language="bash",
            wrap_lines=True,
        )
