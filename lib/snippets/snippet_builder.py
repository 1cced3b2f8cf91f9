"""The same request as code that runs: curl, Python three times, JavaScript, and a Worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lib.api import wire
from lib.api.backend import CLOUDFLARE_URL, Backend
from lib.api.request import Request
from lib.errors import BadInput
from lib.model import model_record
from lib.snippets import curl_snippet, javascript_snippets, python_snippets
from lib.snippets.snippet import Snippet, SnippetRequest

__all__ = ["Snippet", "build_snippets", "build_snippets_for_body"]


def build_snippets(request: Request, backend: Backend) -> tuple[Snippet, ...]:
    """The request as programs, each for another way to send it. The token stands in none of them.

    What they send is what ``lib.api.wire.encode_request`` gives; where an SDK cannot carry that, the
    program's note says so. Raises BadInput for a request that is nested too deeply.
    """
    return build_snippets_for_body(request.model, wire.encode_request(request), backend)


def build_snippets_for_body(model_id: str, body: Mapping[str, Any], backend: Backend) -> tuple[Snippet, ...]:
    """The programs for a body as it was sent once, such as a past request's. Raises BadInput as above."""
    record = model_record.models().get(model_id, model_record.default_model())
    call = SnippetRequest(
        model_id,
        body,
        "" if backend.base_url == CLOUDFLARE_URL else backend.base_url,
        frozenset(parameter.name for parameter in record.parameters if not parameter.is_in_openai_api),
    )
    ways = (
        curl_snippet.curl,
        python_snippets.httpx,
        python_snippets.cloudflare,
        python_snippets.openai_sdk,
        javascript_snippets.fetch,
        javascript_snippets.worker,
    )
    try:
        return tuple(_without(way(call), backend.token.reveal()) for way in ways)
    except RecursionError:
        raise BadInput(
            "The request is nested too deeply to be written as a program.",
            advice="Take some levels out of its schema.",
        ) from None


def _without(program: Snippet, token: str) -> Snippet:
    """The program without the token, which somebody may have typed into the request itself."""
    if len(token) < 8:  # anything shorter guards nothing, and stands in words
        return program
    return replace(program, text=program.text.replace(token, "•••"), note=program.note.replace(token, "•••"))
