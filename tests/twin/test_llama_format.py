"""The twin with a model of Llama 3's own format: its template, tokens, ends, tools, context and licence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib.api.request import Messages, Turn
from lib.model.request_options import Tool, ToolCall
from lib.preflight.llama3_template import SPECIAL_TOKENS, render_prompt
from lib.twin.slot_count import SMALL_CONTEXT
from lib.twin.template_turns import JOINED_NOTE
from tests.twin.conftest import WEATHER, RunningTwin, end_twin, parse_events
from tests.twin.llama_model import write_llama_model
from tests.twin.test_prompt_layout import show_prompt

CALL = '{"name": "weather", "parameters": {"city": "Paris"}}'
QUESTION = {"role": "user", "content": " Is it raining in Paris? "}
PAST_CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}],
}
RESULT = {"role": "tool", "name": "weather", "content": '{"rain": false}'}
RAW = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)


@pytest.fixture(scope="module")
def llama(spawn: Callable[..., RunningTwin], tmp_path_factory: pytest.TempPathFactory) -> RunningTwin:
    """Return a twin whose answers are “Ok”."""
    path = write_llama_model(tmp_path_factory.mktemp("llama") / "llama.gguf")
    return spawn("--threads", "1", PADDOCK_MODEL=str(path))


@pytest.fixture(scope="module")
def calling_llama(spawn: Callable[..., RunningTwin], tmp_path_factory: pytest.TempPathFactory) -> RunningTwin:
    """Return a twin whose answers are a call, with the end that Llama writes where it waits for a result."""
    path = write_llama_model(tmp_path_factory.mktemp("llama") / "llama.gguf", "<|eom_id|>", CALL)
    return spawn("--threads", "1", PADDOCK_MODEL=str(path), PADDOCK_CONTEXT="4096")


def undated(prompt: str) -> str:
    """Return the prompt with the date of the documented template. llama.cpp writes today's."""
    return re.sub(r"(?<=Today Date: )\d\d \w{3} \d{4}", "26 Jul 2024", prompt)


def test_what_it_is(llama: RunningTwin) -> None:
    assert (llama.ready["model"], llama.ready["mark"]) == ("Llama 3.2 Test", "Built with Llama")
    # 512 bytes a token: there is memory for the documented context everywhere.
    assert llama.ready["context_window"] == 60_000 > SMALL_CONTEXT
    prompt = show_prompt(llama, prompt="Hello")
    assert prompt["chat_format"] == "Llama 3"
    assert set(prompt["special_tokens"]) == set(SPECIAL_TOKENS)


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        ([QUESTION], (Turn("user", QUESTION["content"]),)),
        (
            [
                {"role": "system", "content": " Be brief.\n"},
                QUESTION,
                {"role": "assistant", "content": "No."},
                QUESTION,
            ],
            (
                Turn("system", " Be brief.\n"),
                Turn("user", QUESTION["content"]),
                Turn("assistant", "No."),
                Turn("user", QUESTION["content"]),
            ),
        ),
        (
            [QUESTION, {"role": "assistant", "content": "It is"}],
            (Turn("user", QUESTION["content"]), Turn("assistant", "It is")),
        ),
    ],
    ids=["question", "conversation", "continued"],
)
def test_the_page_renders_the_prompt_as_the_twin_does(
    llama: RunningTwin, messages: list[dict[str, Any]], turns: tuple[Turn, ...]
) -> None:
    assert undated(show_prompt(llama, messages=messages)["prompt"]) == render_prompt(Messages(turns))


def test_tools_calls_and_results(llama: RunningTwin) -> None:
    shown = show_prompt(llama, messages=[QUESTION, PAST_CALL, RESULT], tools=[WEATHER])["prompt"]
    tool = Tool(WEATHER["name"], WEATHER["description"], json.dumps(WEATHER["parameters"]))
    turns = (
        Turn("user", QUESTION["content"]),
        Turn("assistant", "", (ToolCall("", "weather", '{"city": "Paris"}'),)),
        Turn("tool", RESULT["content"]),
    )
    assert undated(shown) == render_prompt(Messages(turns, tools=(tool,)))
    assert '<|start_header_id|>ipython<|end_header_id|>\n\n{"rain": false}<|eot_id|>' in shown


@pytest.mark.parametrize("body", [{"prompt": "Hello"}, {"prompt": RAW, "raw": True}], ids=["template", "raw"])
def test_the_answer_ends_with_its_token(llama: RunningTwin, body: dict[str, Any]) -> None:
    result = llama.ask(**body, temperature=0, max_tokens=50).json()["result"]
    assert result["response"] == "Ok"
    usage = result["usage"]
    # The end token is counted.
    assert usage["completion_tokens"] == 2
    assert usage["prompt_tokens"] == show_prompt(llama, **body)["prompt_tokens"]
    if body.get("raw"):
        # The engine adds the first token itself; it is not there twice.
        assert usage["prompt_tokens"] == len(re.sub(r"<\|\w+\|>", "x", RAW))


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_call_in_llamas_format(calling_llama: RunningTwin, is_stream: bool) -> None:
    body = {"messages": [QUESTION], "tools": [WEATHER], "temperature": 0, "max_tokens": 50}
    response = calling_llama.ask(**body, stream=is_stream)
    if is_stream:
        events = [event for event in parse_events(response.text) if event != "[DONE]"]
        calls = [call for event in events for call in event.get("tool_calls") or ()]
        text = "".join(event.get("response") or "" for event in events)
    else:
        result = response.json()["result"]
        calls, text = result["tool_calls"], result.get("response")
    (call,) = calls
    call = call.get("function", call)
    arguments = call["arguments"]
    assert call["name"] == "weather"
    assert (json.loads(arguments) if isinstance(arguments, str) else arguments) == {"city": "Paris"}
    assert not text


@pytest.mark.parametrize("name", ["weather", "clock"])
def test_a_required_call_is_made(llama: RunningTwin, name: str) -> None:
    """Ask a model that would rather say “Ok”."""
    clock = {**WEATHER, "name": "clock"}
    choice = "required" if name == "weather" else {"type": "function", "function": {"name": name}}
    body = {"messages": [QUESTION], "tools": [WEATHER, clock], "tool_choice": choice, "temperature": 0}
    result = llama.ask(**body, max_tokens=400).json()["result"]
    (call,) = result["tool_calls"]
    assert call["name"] == name or choice == "required"
    assert list(call["arguments"]) == ["city"]
    assert result["usage"]["prompt_tokens"] == show_prompt(llama, **body)["prompt_tokens"]


def test_the_other_end_is_no_part_of_the_text(calling_llama: RunningTwin) -> None:
    result = calling_llama.ask(prompt="Hello", temperature=0, max_tokens=50).json()["result"]
    assert result["response"] == CALL
    assert result["usage"]["completion_tokens"] == 2


# In the manner of Gemma's: no system prompt, and the user and the model take turns.
STRICT_TEMPLATE = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('Roles must alternate') }}
{%- endif %}
{{- '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' }}
{{- message['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}
"""
# In the manner of Qwen3's: without thinking, an empty thought stands in the prompt.
THINKING_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %}
"""


def test_messages_that_a_template_refuses_are_joined(
    spawn: Callable[..., RunningTwin], tmp_path: Path
) -> None:
    path = write_llama_model(tmp_path / "strict.gguf", tokenizer__chat_template=STRICT_TEMPLATE)
    strict = spawn("--threads", "1", PADDOCK_MODEL=str(path), PADDOCK_CONTEXT="2048")
    messages = [
        {"role": "system", "content": "Be brief."},
        *({"role": "user", "content": text} for text in ("Hello.", "Are you there?")),
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Good."},
    ]
    shown = show_prompt(strict, messages=messages)
    assert shown["prompt"] == (
        "<|begin_of_text|><start_of_turn>user\nBe brief.\n\nHello.\n\nAre you there?<end_of_turn>\n"
        "<start_of_turn>model\nYes.<end_of_turn>\n<start_of_turn>user\nGood.<end_of_turn>\n<start_of_turn>model\n"
    )
    assert (shown["chat_format"], shown["note"]) == ("Gemma", JOINED_NOTE)
    result = strict.ask(messages=messages, temperature=0, max_tokens=50).json()["result"]
    assert result["response"] == "Ok"
    assert result["usage"]["prompt_tokens"] == shown["prompt_tokens"]
    assert show_prompt(strict, prompt="Hello")["note"] == ""
    assert end_twin(strict.process) == 0


def test_an_empty_thought_is_a_part_of_the_prompt(spawn: Callable[..., RunningTwin], tmp_path: Path) -> None:
    path = write_llama_model(tmp_path / "thinking.gguf", tokenizer__chat_template=THINKING_TEMPLATE)
    thinking = spawn("--threads", "1", PADDOCK_MODEL=str(path), PADDOCK_CONTEXT="2048")
    shown = show_prompt(thinking, prompt="Hello")
    assert shown["prompt"].endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    result = thinking.ask(prompt="Hello", temperature=0, max_tokens=50).json()["result"]
    assert result["response"] == "Ok"
    assert result["usage"]["prompt_tokens"] == shown["prompt_tokens"]
    assert end_twin(thinking.process) == 0
