"""A request as a shell script: curl, and jq to extract the text from the reply."""

from __future__ import annotations

import shlex

from lib.api.backend import CLOUDFLARE_URL
from lib.snippets.code_literals import JSON
from lib.snippets.snippet import CodeTemplate, Snippet, SnippetRequest, join_paragraphs

# The lines of the body begin with a brace, a bracket, a quote or a space, so none of them ends the here-document.
_TEXT = CodeTemplate("""\
set -o pipefail

curl --silent --show-error --fail-with-body --no-buffer \\
  "§url" \\
  --header "Authorization: Bearer $CLOUDFLARE_API_TOKEN" \\
  --header "Content-Type: application/json" \\
§headers  --data @- <<'JSON' |
§body
JSON
§jq""")

_STREAMED = CodeTemplate("""\
  jq --raw-input --join-output --unbuffered '
    if startswith("data: [DONE]") then "\\n"
    elif startswith("data:") then .[5:] | fromjson | §answer | select(. != null)
    elif startswith("{") then fromjson | .errors[0].message + "\\n" | halt_error
    else empty end'""")

_WHOLE = CodeTemplate("""\
  jq --raw-output '
    if .success then .result | §answer | select(. != null)
    else .errors[0].message + "\\n" | halt_error end'""")


def curl(call: SnippetRequest) -> Snippet:
    """Write the request as a shell script with curl."""
    answer, jq = ".response", _STREAMED if call.streams else _WHOLE
    if call.calls_tools:
        answer += ', (.tool_calls[]? | tojson + "\\n")' if call.streams else ", (.tool_calls[]? | tojson)"
    text = _TEXT.substitute(
        url=call.url("$CLOUDFLARE_BASE_URL" if call.base_url else CLOUDFLARE_URL, "$CLOUDFLARE_ACCOUNT_ID"),
        headers="".join(f'  --header "{name}: {value}" \\\n' for name, value in call.headers.items()),
        body=JSON.write(call.body),
        jq=jq.substitute(answer=answer),
    )
    export = f"# export CLOUDFLARE_BASE_URL={shlex.quote(call.base_url)}" if call.base_url else ""
    note = (
        f"{call.environment_note}, then: bash request.sh. It needs curl 7.76 or newer, and jq, "
        "which takes the text out of the reply."
    )
    return Snippet("curl", "bash", "request.sh", join_paragraphs(export, text), note)
