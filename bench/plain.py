"""The shortest chat, drawn by ``st.write_stream``: bench/stream.py compares Paddock with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import httpx
import sseclient
import streamlit as st


def stream_answer(prompt: str) -> Iterator[str]:
    """Yield the text of the answer as it comes."""
    base, account = os.environ["CLOUDFLARE_BASE_URL"], os.environ["CLOUDFLARE_ACCOUNT_ID"]
    url = f"{base}/accounts/{account}/ai/run/@cf/meta/llama-3.2-1b-instruct"
    body = {"messages": [{"role": "user", "content": prompt}], "stream": True}
    headers = {"authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"}
    with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as response:
        for event in sseclient.SSEClient(response.iter_bytes()).events():
            if event.data != "[DONE]":
                yield str(json.loads(event.data)["response"])


if prompt := st.chat_input("Message the model"):
    with st.chat_message("user"):
        st.text(prompt)
    with st.chat_message("assistant"):
        st.write_stream(stream_answer(prompt))
