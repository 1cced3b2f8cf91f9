"""Raw prompts: their special tokens, and every problem with them."""

from __future__ import annotations

import pytest

from lib.api.request import Messages, Prompt, Turn
from lib.model.request_options import Tool, ToolCall
from lib.preflight import llama3_template
from lib.preflight.raw_prompt import SAMPLE_QUESTION, PromptPiece, find_problems, split_at_special_tokens

SAMPLE = llama3_template.render_prompt(Messages((Turn("user", SAMPLE_QUESTION),)))
# SmolLM2's template, as published with its weights.
CHATML = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat is what?<|im_end|>\n<|im_start|>assistant\n"
CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def test_llama_3() -> None:
    # Meta's model card for Llama 3.2, "Instruct model prompt".
    assert llama3_template.render_prompt(Messages((Turn("system", " Be kind. "), Turn("user", "Hi\n")))) == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
        "Today Date: 26 Jul 2024\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert llama3_template.render_prompt(Prompt(SAMPLE_QUESTION)) == SAMPLE
    assert llama3_template.render_prompt(Prompt("Hi", raw=True)) == "Hi"
    assert llama3_template.render_prompt(Messages((Turn("user", "a"), Turn("user", "b")), raw=True)) == "ab"
    begun = llama3_template.render_prompt(
        Messages((Turn("user", SAMPLE_QUESTION), Turn("assistant", "Once ")))
    )
    assert begun == SAMPLE + "Once "


def test_llama_3_with_tools() -> None:
    tool = Tool("add", "Adds.", '{"type": "object", "properties": {}}')
    call = ToolCall("1", "add", '{"a": 1}')
    turns = (Turn("user", "Hi"), Turn("assistant", "", (call,)), Turn("tool", "3", call_id="1", name="add"))
    text = llama3_template.render_prompt(Messages(turns, tools=(tool,)))
    assert "Environment: ipython\nCutting" in text
    assert text.count('"name": "add"') == 2
    assert "<|start_header_id|>user<|end_header_id|>\n\nGiven the following functions" in text
    assert '{"name": "add", "parameters": {"a": 1}}<|eot_id|>' in text
    assert text.endswith(
        "<|start_header_id|>ipython<|end_header_id|>\n\n3<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_pieces() -> None:
    assert list(split_at_special_tokens("a<|eot_id|><|eot_id|>b", llama3_template.SPECIAL_TOKENS)) == [
        PromptPiece("a", False),
        PromptPiece("<|eot_id|>", True),
        PromptPiece("<|eot_id|>", True),
        PromptPiece("b", False),
    ]
    assert list(split_at_special_tokens("a.b", ())) == [PromptPiece("a.b", False)]
    assert list(split_at_special_tokens("<s><s>>", ("<s>", "<s>>"))) == [
        PromptPiece("<s>", True),
        PromptPiece("<s>>", True),
    ]


@pytest.mark.parametrize(
    ("sample", "tokens"),
    [(SAMPLE, llama3_template.SPECIAL_TOKENS), (CHATML, CHATML_TOKENS), (SAMPLE_QUESTION, ())],
)
@pytest.mark.parametrize("more", ["", "Once upon"])
def test_prompts_without_problems(sample: str, tokens: tuple[str, ...], more: str) -> None:
    assert list(find_problems(sample + more, sample, tokens)) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Hi", "no marks of the model's chat format"),
        (
            SAMPLE.removeprefix(llama3_template.BEGIN),
            "<|begin_of_text|> is missing at the beginning",
        ),
        (llama3_template.BEGIN + SAMPLE, "<|begin_of_text|> occurs 2 times"),
        (SAMPLE.replace("<|eot_id|>", "<|eot_id|><|eot_id|>"), "<|eot_id|> occurs twice in a row"),
        (SAMPLE.replace("<|end_header_id|>", "", 1), "<|end_header_id|> is missing between <|start_header"),
        (SAMPLE.replace("<|eot_id|>", "", 1), "<|eot_id|> is missing between <|end_header_id|>"),
        (SAMPLE.rpartition("<|start_header_id|>")[0], "beginning of the answer is missing"),
        (SAMPLE + "Once<|eot_id|>", "beginning of the answer is missing"),
    ],
)
def test_problems_in_llama_3(text: str, says: str) -> None:
    assert any(says in problem for problem in find_problems(text, SAMPLE, llama3_template.SPECIAL_TOKENS))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Hi", "no marks of the model's chat format"),
        (CHATML.removeprefix("<|im_start|>"), "<|im_start|> is missing before the first <|im_end|>"),
        (CHATML.replace("<|im_end|>", "", 1), "<|im_start|> occurs twice in a row"),
        (CHATML.rpartition("<|im_start|>")[0], "beginning of the answer is missing"),
        ("<|im_start|>user\nHi", "answer is missing at the end: <|im_start|>assistant"),
        (
            CHATML.replace("assistant", "user"),
            "answer is missing at the end: <|im_start|>assistant",
        ),
    ],
)
def test_problems_in_another_format(text: str, says: str) -> None:
    assert any(says in problem for problem in find_problems(text, CHATML, CHATML_TOKENS))
