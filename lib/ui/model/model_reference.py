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
    """Draw what the model can do besides writing text, in the words of the documentation."""
    st.caption("In the documentation's word. The schema may have a field that this model does not serve.")
    for capability in model.capabilities:
        with st.container(key=f"capability-{capability.name}", border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{capability.label}** &nbsp; `{capability.field}`", width="stretch")
                if capability.listed:
                    st.badge("Documented", icon=":material/check:", color="green")
                else:
                    st.badge("In the schema only", icon=":material/help:", color="orange")
            st.markdown(f"{capability.documented} [Source]({capability.source})")


def draw_schemas(model: Model) -> None:
    """Draw the schemas of input and output, as trees and as downloads."""
    st.caption(
        "The documented JSON Schemas. They bound the controls, and the twin checks every request against them."
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
        st.caption("Its address stands here as soon as it is up.")
    else:
        _draw_own_code(model, choice.backend)
    st.subheader("What there is", anchor=False)
    base = CLOUDFLARE_URL if choice.backend is None else choice.backend.base_url
    st.markdown(f"All below `{base}`, with the header `Authorization: Bearer TOKEN`.")
    for title, endpoints in (("Cloudflare and the twin", ENDPOINTS), ("The twin alone", TWIN_ENDPOINTS)):
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
    st.markdown("From your own code, any client of Workers AI works with these:")
    if backend.billed:
        st.caption("Put your own API token in: Paddock shows it to nobody, and keeps it nowhere.")
    elif current_owner() == LOCAL_OWNER:
        if st.toggle(
            "Show the token",
            key="show-token",
            help="It opens the twin to programs on this machine, and nothing else. It is a new one after each start.",
        ):
            token = backend.token.reveal()
    else:
        st.caption("The twin listens on its own machine alone, so its token would be of no use to you.")
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
