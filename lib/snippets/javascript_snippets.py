"""A request as JavaScript with fetch, and as a Worker in TypeScript."""

from __future__ import annotations

from lib.api.backend import CLOUDFLARE_URL
from lib.snippets.code_literals import JAVASCRIPT
from lib.snippets.snippet import (
    GATEWAY_AUTHORIZATION,
    GATEWAY_TOKEN_VARIABLE,
    CodeTemplate,
    Snippet,
    SnippetRequest,
    indent,
    join_paragraphs,
)

_TAB = JAVASCRIPT.tab

_FETCH = CodeTemplate("""\
const response = await fetch(
  `§url`,
  {
    method: "POST",
    headers: {
      Authorization: `Bearer ${apiToken}`,
      "Content-Type": "application/json",
§headers    },
    body: JSON.stringify(body),
  },
);
if (!response.ok) {
  console.error(`HTTP ${response.status}: ${await response.text()}`);
  process.exit(1);
}""")

_EVENTS = """\
// Each event of the stream. The bytes come in chunks that may end anywhere.
async function* events(stream) {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
  throw new Error("The answer was cut off.");
}"""

_GATHER = """\
// A call comes whole, or its name first and then its arguments bit by bit.
function gather(pieces, calls) {
  for (const piece of pieces ?? []) {
    const call = piece.function ?? piece;
    if (call.name) calls.push({ id: piece.id, name: call.name, arguments: "" });
    const part = call.arguments ?? "";
    calls.at(-1).arguments += typeof part === "string" ? part : JSON.stringify(part);
  }
}"""

_READ = """\
for await (const event of events(response.body)) {
  const text = event.response ?? "";
  process.stdout.write(typeof text === "string" ? text : JSON.stringify(text));"""

_SHOW_JSON = """\
console.log(
  typeof result.response === "string"
    ? result.response
    : JSON.stringify(result.response, null, 2),
);"""

_WORKER = CodeTemplate("""\
export interface Env {
  AI: Ai;
}

export default {
  async fetch(request, env): Promise<Response> {
    try {
      const §answer = await env.AI.run("§model", §inputs§options);
      return §response;
    } catch (error) {
      return new Response(String(error), { status: 502 });
    }
  },
} satisfies ExportedHandler<Env>;""")

_WRANGLER = """\
// wrangler.toml:
//   name = "ask"
//   main = "worker.ts"
//   compatibility_date = "2026-11-01"
//
//   [ai]
//   binding = "AI\""""

# The fields of a message in Cloudflare's types for Workers; a message with other fields must be cast.
_TYPED = {"role", "content", "name"}


def fetch(call: SnippetRequest) -> Snippet:
    """Write the request with fetch, as an ES module for Node."""
    base = f"process.env.CLOUDFLARE_BASE_URL; // {call.base_url}" if call.base_url else f'"{CLOUDFLARE_URL}";'
    text = join_paragraphs(
        "const accountId = process.env.CLOUDFLARE_ACCOUNT_ID;\n"
        "const apiToken = process.env.CLOUDFLARE_API_TOKEN;"
        + ("" if call.has_own_address else f"\nconst baseUrl = {base}"),
        f"const body = {JAVASCRIPT.write(call.body)};",
        _FETCH.substitute(
            url=call.url("${baseUrl}", "${accountId}"),
            headers="".join(
                f'      "{name}": {_header_value(value)},\n' for name, value in call.headers.items()
            ),
        ),
        _stream_printing_code(call) if call.streams else _answer_printing_code(call),
    )
    note = f"{call.environment_note}, then: node request.mjs. It needs Node 18 or newer and no packages."
    return Snippet("JavaScript (fetch)", "javascript", "request.mjs", text, note)


def _header_value(value: str) -> str:
    if value == GATEWAY_AUTHORIZATION:
        return f"`Bearer ${{process.env.{GATEWAY_TOKEN_VARIABLE}}}`"
    return f'"{value}"'


def worker(call: SnippetRequest) -> Snippet:
    """Write the request as a Worker, which sends it through its AI binding and returns the answer to its visitors."""
    body = {name: value for name, value in call.body.items() if name != "options"}
    inputs = JAVASCRIPT.write(body, 3)
    if _needs_untyped_call(call):
        inputs += " as AiTextGenerationInput" + (" & { stream: true }" if call.streams else "")
    answer, response = "answer", "Response.json(answer)"
    if call.streams:
        answer = "stream"
        response = (
            'new Response(stream, {\n        headers: { "content-type": "text/event-stream" },\n      })'
        )
    text = _WORKER.substitute(
        model=call.model, inputs=inputs, options=_worker_options(call), answer=answer, response=response
    )
    note = (
        "Save it as worker.ts beside a wrangler.toml with the lines at its top, then: npx wrangler dev. "
        "A Worker needs no token: its AI binding belongs to your account."
    )
    if call.base_url:
        note += " It always asks Cloudflare, not the address that the page uses."
    return Snippet("TypeScript (Worker)", "typescript", "worker.ts", join_paragraphs(_WRANGLER, text), note)


def _worker_options(call: SnippetRequest) -> str:
    """Return the third argument of the binding: what the REST API takes in headers and in "options"."""
    options = dict(call.body.get("options", {}))
    if (gateway := call.gateway) is not None:
        options["gateway"] = {"id": gateway.id} | ({"skipCache": True} if gateway.skips_cache else {})
    if headers := call.backend.session_headers:
        options["extraHeaders"] = headers
    # Cloudflare's types for Workers do not have every option.
    return f", {JAVASCRIPT.write(options, 3)} as AiOptions" if options else ""


def _needs_untyped_call(call: SnippetRequest) -> bool:
    messages = call.body.get("messages", [])
    return "lora" in call.body or any(not _TYPED.issuperset(message) for message in messages)


def _stream_printing_code(call: SnippetRequest) -> str:
    if not call.calls_tools:
        return join_paragraphs(_EVENTS, f"{_READ}\n}}\nconsole.log();").rstrip()
    read = (
        f"const calls = [];\n{_READ}\n  gather(event.tool_calls, calls);\n}}\nconsole.log();\n"
        "for (const call of calls) console.log(JSON.stringify(call));"
    )
    return join_paragraphs(_EVENTS, _GATHER, read).rstrip()


def _answer_printing_code(call: SnippetRequest) -> str:
    show = _SHOW_JSON if call.wants_json else "console.log(result.response);"
    if call.calls_tools:
        show = f"if (result.response != null) {{\n{indent(show, _TAB)}\n}}\n"
        show += "for (const call of result.tool_calls ?? []) console.log(JSON.stringify(call));"
    return f"const {{ result }} = await response.json();\n{show}"
