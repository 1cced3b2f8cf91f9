"""Llama 3.2's chat template: render a conversation as the text that the model was trained on.

Source: Meta's model card and the chat template published with the weights of Llama 3.2 1B Instruct. Cloudflare does
not document which template it applies when ``raw`` is false.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from lib.api.request import Messages, Prompt, RequestInput, Turn
from lib.model.request_options import Tool

TEMPLATE_NAME = "Llama 3"
BEGIN, HEADER, HEADER_END, END = "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
SPECIAL_TOKENS = (
    BEGIN,
    "<|end_of_text|>",
    HEADER,
    HEADER_END,
    END,
    "<|eom_id|>",
    "<|python_tag|>",
    "<|finetune_right_pad_id|>",
)

_DATES = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
_ROLES = {"tool": "ipython"}
_TOOLS = (
    "Given the following functions, please respond with a JSON for a function call with its proper arguments "
    'that best answers the given prompt.\n\nRespond in the format {"name": function name, "parameters": '
    "dictionary of argument name and its value}.Do not use variables.\n\n"
)


def is_llama3(model_id: str) -> bool:
    """Return True for a model of the Llama 3 family, which has this chat format and Llama 3's tokens."""
    return model_id.startswith("@cf/meta/llama-3.")


def render_prompt(input: RequestInput) -> str:
    """Render the text that the answer continues. A raw input is that text already."""
    match input:
        case Prompt(text, raw=True):
            return text
        case Prompt(text):
            return "".join(_conversation((Turn("user", text),), ()))
        case Messages(turns, raw=True):
            return "".join(turn.content for turn in turns)
        case Messages(turns):
            return "".join(_conversation(turns, input.tools))


def _conversation(turns: tuple[Turn, ...], tools: tuple[Tool, ...]) -> Iterator[str]:
    system, *rest = turns if turns and turns[0].role == "system" else (Turn("system", ""), *turns)
    yield BEGIN
    # The template always has a system block with these dates.
    yield _block("system", ("Environment: ipython\n" if tools else "") + _DATES + system.content.strip())
    waiting = tools
    for number, turn in enumerate(rest):
        content = turn.content.strip()
        # The tools belong into the first message of the user.
        if waiting and turn.role == "user":
            content = _TOOLS + "".join(f"{_tool(tool)}\n\n" for tool in waiting) + content
            waiting = ()
        if turn.calls:
            content = "\n".join(_call(call.name, call.arguments) for call in turn.calls)
        if turn.role == "assistant" and number == len(rest) - 1:
            # The model continues a last message of the assistant.
            yield f"{HEADER}assistant{HEADER_END}\n\n{turn.content}"
            return
        yield _block(_ROLES.get(turn.role, turn.role), content)
    yield f"{HEADER}assistant{HEADER_END}\n\n"


def _block(role: str, content: str) -> str:
    return f"{HEADER}{role}{HEADER_END}\n\n{content}{END}"


def _tool(tool: Tool) -> str:
    parameters = json.loads(tool.parameters)
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return json.dumps({"type": "function", "function": function}, indent=4, ensure_ascii=False)


def _call(name: str, arguments: str) -> str:
    return f'{{"name": {json.dumps(name, ensure_ascii=False)}, "parameters": {arguments}}}'
