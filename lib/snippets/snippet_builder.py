"""Build the snippets of a request: curl, Python in three ways, JavaScript and a Worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lib.api import wire
from lib.api.backend import Backend
from lib.api.request import Request
from lib.api.trace import MASK
from lib.errors import BadInput
from lib.model.model_record import is_in_openai_api
from lib.snippets import curl_snippet, javascript_snippets, python_snippets
from lib.snippets.snippet import Snippet, SnippetRequest


def build_snippets(request: Request, backend: Backend) -> tuple[Snippet, ...]:
    """Build the snippets of a request; none contains the token.

    They send the body from ``lib.api.wire.encode_request``; if an SDK cannot, the note says so. Raises BadInput for
    a request that is nested too deeply.
    """
    return build_snippets_for_body(request.model, wire.encode_request(request), backend)


def build_snippets_for_body(model_id: str, body: Mapping[str, Any], backend: Backend) -> tuple[Snippet, ...]:
    """Build the snippets of a JSON body, such as that of a past request. Raises BadInput as above."""
    not_in_openai = frozenset(name for name in body if not is_in_openai_api(name))
    call = SnippetRequest(model_id, body, backend, not_in_openai)
    builders = (
        curl_snippet.curl,
        python_snippets.httpx,
        python_snippets.cloudflare,
        python_snippets.openai_sdk,
        javascript_snippets.fetch,
        javascript_snippets.worker,
    )
    try:
        return tuple(_mask_tokens(builder(call), backend.secrets) for builder in builders)
    except RecursionError:
        raise BadInput(
            "The request is nested too deeply to be written as a program.",
            advice="Take some levels out of its schema.",
        ) from None


def _mask_tokens(program: Snippet, tokens: Sequence[str]) -> Snippet:
    """Mask the tokens, which the user may have typed into the request itself."""
    for token in tokens:
        # Shorter tokens protect nothing and may be part of ordinary words.
        if len(token) >= 8:
            text, note = program.text.replace(token, MASK), program.note.replace(token, MASK)
            program = replace(program, text=text, note=note)
    return program
