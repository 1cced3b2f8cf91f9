"""A request as Python with httpx, with Cloudflare's SDK and with OpenAI's SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.api.backend import CLOUDFLARE_URL
from lib.snippets.code_literals import PYTHON
from lib.snippets.snippet import (
    GATEWAY_AUTHORIZATION,
    GATEWAY_TOKEN_VARIABLE,
    CodeTemplate,
    Snippet,
    SnippetRequest,
    indent,
    join_paragraphs,
)

_TAB = PYTHON.tab
_ACCOUNT = 'account_id = os.environ["CLOUDFLARE_ACCOUNT_ID"]'

_EVENTS = '''
def events(chunks):
    """Each event of the stream. The bytes come in chunks that may end anywhere."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\\n")
        for line in lines:
            data = line.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            if line.startswith(b"data:"):
                yield json.loads(data)
    sys.exit("The answer was cut off.")'''

_GATHER = '''
def gather(pieces, calls):
    """A call comes whole, or its name first and then its arguments bit by bit."""
    for piece in pieces or []:
        function = piece.get("function") or piece
        if function.get("name"):
            calls.append({"id": piece.get("id"), "name": function["name"], "arguments": ""})
        arguments = function.get("arguments")
        if arguments is not None:
            calls[-1]["arguments"] += arguments if isinstance(arguments, str) else json.dumps(arguments)'''

_EVENT = """\
for event in events(response.iter_bytes()):
    text = event.get("response")
    if text is not None:
        print(text if isinstance(text, str) else json.dumps(text), end="", flush=True)"""

_STREAMED = CodeTemplate("""\
with httpx.stream(
    "POST",
    f"§url",
    headers={"Authorization": f"Bearer {api_token}"§headers},
    json=body,
    timeout=180,
) as response:
    if not response.is_success:
        sys.exit(f"HTTP {response.status_code}: {response.read().decode()}")
§read""")

_WHOLE = CodeTemplate("""\
response = httpx.post(
    f"§url",
    headers={"Authorization": f"Bearer {api_token}"§headers},
    json=body,
    timeout=180,
)
if not response.is_success:
    sys.exit(f"HTTP {response.status_code}: {response.text}")

result = response.json()["result"]
§read""")

_SDK_STREAMED = CodeTemplate("""\
# run(…, stream=True) by itself does not read a stream.
with client.ai.with_streaming_response.run(
    "§model",
    account_id=os.environ["CLOUDFLARE_ACCOUNT_ID"],
§arguments) as response:
§read""")

_SDK_WHOLE = CodeTemplate("""\
result = client.ai.run(
    "§model",
    account_id=os.environ["CLOUDFLARE_ACCOUNT_ID"],
§arguments)
§read""")

_OPENAI = CodeTemplate("""\
client = OpenAI(
    base_url=f"{base_url}/accounts/{account_id}/ai/v1",
    api_key=os.environ["CLOUDFLARE_API_TOKEN"],
)

§{comments}try:
    answer = client.chat.completions.create(
        model="§model",
§arguments    )
except APIStatusError as error:  # its own text leaves out what Cloudflare says
    sys.exit(f"HTTP {error.status_code}: {error.response.text}")
§read""")

_CHUNKS = """\
for chunk in answer:
    if not chunk.choices:  # the last one only counts the tokens
        continue
    delta = chunk.choices[0].delta
    print(delta.content or "", end="", flush=True)"""

_CHUNKS_OF_CALLS = """
    for piece in delta.tool_calls or []:  # its name first, then its arguments bit by bit
        if piece.function.name:
            calls.append({"id": piece.id, "name": piece.function.name, "arguments": ""})
        calls[-1]["arguments"] += piece.function.arguments or \"\""""

_CALLS = """
for call in calls:
    print(json.dumps(call, ensure_ascii=False))"""

_GATEWAY_REMARK = (
    "It asks the API and names the gateway in a header, instead of asking the gateway's own address."
)

_HEADERS = "extra_headers"  # the SDKs' argument
# Cloudflare's OpenAI-compatible endpoint has no field for these.
_NOT_IN_OPENAI = ("lora", "raw")


def httpx(call: SnippetRequest) -> Snippet:
    """Write the request with httpx."""
    modules = ["json", "os", "sys"] if call.streams or call.wants_json or call.calls_tools else ["os", "sys"]
    base_url = "" if call.has_own_address else f"\n{_base_url_line(call)}"
    text = join_paragraphs(
        _imports(*modules),
        "import httpx",
        f'{_ACCOUNT}\napi_token = os.environ["CLOUDFLARE_API_TOKEN"]{base_url}',
        f"body = {PYTHON.write(call.body)}",
        *_functions(call),
        _send(
            call,
            _STREAMED,
            _WHOLE,
            url=call.url("{base_url}", "{account_id}"),
            headers="".join(
                f', "{name}": {_with_gateway_token(PYTHON.write(value))}'
                for name, value in call.headers.items()
            ),
        ),
    )
    note = f"{call.environment_note}, then: pip install httpx; python request.py."
    return Snippet("Python (httpx)", "python", "request.py", text, note)


def cloudflare(call: SnippetRequest) -> Snippet:
    """Write the request with Cloudflare's SDK, which reads the token and the address from the environment."""
    reads = "CLOUDFLARE_API_TOKEN"
    if call.base_url:
        reads += f", and CLOUDFLARE_BASE_URL: {call.base_url}"
    modules = ["os"] + (["json"] if call.streams or call.wants_json or call.calls_tools else [])
    modules += ["sys"] if call.streams else []
    text = join_paragraphs(
        _imports(*modules),
        "from cloudflare import Cloudflare",
        f"client = Cloudflare()  # reads {reads}",
        *_functions(call),
        _send(call, _SDK_STREAMED, _SDK_WHOLE, model=call.model, arguments=_sdk_arguments(call)),
    )
    note = f"{call.environment_note}, then: pip install cloudflare; python request_cloudflare.py."
    if call.has_own_address:
        note += f" {_GATEWAY_REMARK}"
    return Snippet("Python (cloudflare)", "python", "request_cloudflare.py", text, note)


def openai_sdk(call: SnippetRequest) -> Snippet:
    """Write the request with OpenAI's SDK, for Cloudflare's OpenAI-compatible endpoint."""
    request = _translate_body(call)
    body = dict(request.body) | ({"extra_body": request.extra} if request.extra else {})
    if call.sdk_headers:
        body[_HEADERS] = dict(call.sdk_headers)
    text = join_paragraphs(
        _imports("os", "sys", *(["json"] if call.calls_tools else [])),
        "from openai import APIStatusError, OpenAI",
        f"{_ACCOUNT}\n{_base_url_line(call)}",
        _OPENAI.substitute(
            model=call.model,
            comments="".join(f"# {line}\n" for line in request.remarks),
            arguments=_arguments(body, 2),
            read=_chunks(call) if call.streams else _message(call),
        ),
    )
    note = " ".join(
        [
            f"{call.environment_note}, then: pip install openai; python request_openai.py.",
            *request.remarks,
            *([_GATEWAY_REMARK] if call.has_own_address else []),
        ]
    )
    return Snippet("Python (openai)", "python", "request_openai.py", text, note)


def _imports(*modules: str) -> str:
    return "\n".join(f"import {module}" for module in sorted(modules))


def _base_url_line(call: SnippetRequest) -> str:
    if not call.base_url:
        return f'base_url = "{CLOUDFLARE_URL}"'
    return f'base_url = os.environ["CLOUDFLARE_BASE_URL"]  # {call.base_url}'


def _arguments(body: Mapping[str, Any], depth: int = 1) -> str:
    indent = _TAB * depth
    literals = {name: PYTHON.write(value, depth) for name, value in body.items()}
    if _HEADERS in literals:
        literals[_HEADERS] = _with_gateway_token(literals[_HEADERS])
    return "".join(f"{indent}{name}={literal},\n" for name, literal in literals.items())


def _with_gateway_token(literal: str) -> str:
    """Return the literal of a header or of all headers, in which the gateway's token comes from the environment."""
    expression = f"f\"Bearer {{os.environ['{GATEWAY_TOKEN_VARIABLE}']}}\""
    return literal.replace(PYTHON.write(GATEWAY_AUTHORIZATION), expression)


def _functions(call: SnippetRequest) -> list[str]:
    if not call.streams:
        return []
    return [_EVENTS, _GATHER] if call.calls_tools else [_EVENTS]


def _sdk_arguments(call: SnippetRequest) -> str:
    """Return the arguments of Cloudflare's SDK, which has none for some parts of a request."""
    body = dict(call.body)
    extra: dict[str, Any] = {_HEADERS: dict(call.sdk_headers)} if call.sdk_headers else {}
    if "options" in body:
        extra["extra_body"] = {"options": body.pop("options")}
    return _arguments(body | extra)


def _send(call: SnippetRequest, streamed: CodeTemplate, whole: CodeTemplate, **request: str) -> str:
    """Return the lines that send the request and print its answer. ``request`` fills the templates."""
    if not call.streams:
        return whole.substitute(request, read=_result(call))
    before, read, after = "", _EVENT, ""
    if call.calls_tools:
        before, after = "calls = []\n", _CALLS
        read += '\n    gather(event.get("tool_calls"), calls)'
    # The first line break makes a second blank line after a function.
    return f"\n{before}{streamed.substitute(request, read=indent(read, _TAB))}\nprint(){after}"


def _result(call: SnippetRequest) -> str:
    answer = (
        'answer = result["response"]\n'
        "print(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=2))"
        if call.wants_json
        else 'print(result["response"])'
    )
    if not call.calls_tools:
        return answer
    calls = _CALLS.replace("calls", 'result.get("tool_calls") or []').lstrip()
    return f'if result.get("response") is not None:\n{indent(answer, _TAB)}\n{calls}'


def _chunks(call: SnippetRequest) -> str:
    if not call.calls_tools:
        return f"{_CHUNKS}\nprint()"
    return f"calls = []\n{_CHUNKS}{_CHUNKS_OF_CALLS}\nprint(){_CALLS}"


def _message(call: SnippetRequest) -> str:
    if not call.calls_tools:
        return "print(answer.choices[0].message.content)"
    return (
        "message = answer.choices[0].message\n"
        "if message.content is not None:\n    print(message.content)\n"
        "for call in message.tool_calls or []:\n    print(call.to_json(indent=None))"
    )


@dataclass(frozen=True)
class _OpenAIBody:
    """``body`` are the arguments of OpenAI's SDK, ``extra`` its ``extra_body``; ``remarks`` are for the user."""

    body: Mapping[str, Any]
    extra: Mapping[str, Any]
    remarks: tuple[str, ...]


def _translate_body(call: SnippetRequest) -> _OpenAIBody:
    """Convert a request body for Cloudflare's OpenAI-compatible endpoint, with remarks on what it cannot carry."""
    body = dict(call.body)
    remarks = []
    if "prompt" in body:
        body = {"messages": [{"role": "user", "content": body.pop("prompt")}], **body}
        remarks.append("This endpoint takes no prompt: it is sent as the message of a user.")
    if left := [name for name in _NOT_IN_OPENAI if body.pop(name, None)]:
        clause = "it is" if len(left) == 1 else "they are"
        remarks.append(
            f"This endpoint has no field for {' and '.join(left)}: {clause} left out, and the answer differs."
        )
    if "tools" in body:
        body["tools"] = [_nested(tool) for tool in body["tools"]]
    if "response_format" in body:
        body["response_format"] = _name_schema(body["response_format"])
    # “functions” means something else to OpenAI: an older way to describe tools. “options” are Cloudflare's.
    foreign = call.not_in_openai | {"functions", "options"}
    extra = {name: body.pop(name) for name in list(body) if name in foreign}
    return _OpenAIBody(body, extra, tuple(remarks))


def _nested(tool: Any) -> Any:
    return tool if "function" in tool else {"type": "function", "function": tool}


def _name_schema(format: Any) -> Any:
    if "json_schema" not in format:
        return format
    return {**format, "json_schema": {"name": "answer", "schema": format["json_schema"]}}
