"""A model of Llama's architecture with Llama 3's special tokens and chat format, small enough to be made in a test.

Its numbers are random, but made so that each token has one likely successor: the answer to any prompt of Llama's
format is one given token and an end token. Its attention sees everything and changes nothing.
"""

from __future__ import annotations

import random
from array import array
from itertools import pairwise
from pathlib import Path

from tests.twin.lora_files import Tensor, write_gguf

WIDTH, FEED_FORWARD, HEADS, KEY_HEADS, LAYERS = 128, 64, 4, 2, 1
CONTEXT = 131_072
SPECIAL_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|finetune_right_pad_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
)
# Written for this test, after Meta's description of the format.
CHAT_TEMPLATE = """\
{{- bos_token }}
{%- set date = date_string if date_string is defined else "26 Jul 2024" %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\nToday Date: " + date + "\\n\\n" + system + "<|eot_id|>" }}
{%- if tools %}
    {{- "<|start_header_id|>user<|end_header_id|>\\n\\n" }}
    {{- "Given the following functions, please respond with a JSON for a function call " }}
    {{- "with its proper arguments that best answers the given prompt.\\n\\n" }}
    {{- 'Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}.' }}
    {{- "Do not use variables.\\n\\n" }}
    {%- for tool in tools %}{{- tool | tojson(indent=4) + "\\n\\n" }}{%- endfor %}
    {{- messages[0]['content'] | trim + "<|eot_id|>" }}
    {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'tool' or message.role == 'ipython' %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" + message.content + "<|eot_id|>" }}
    {%- elif message.tool_calls %}
        {%- set call = message.tool_calls[0].function %}
        {{- "<|start_header_id|>assistant<|end_header_id|>\\n\\n" }}
        {{- '{"name": "' + call.name + '", "parameters": ' + (call.arguments | tojson) + "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>" + message.role + "<|end_header_id|>\\n\\n" }}
        {{- message.content | trim + "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- "<|start_header_id|>assistant<|end_header_id|>\\n\\n" }}{%- endif %}
"""


def _byte_tokens() -> list[str]:
    """Return the 256 bytes as the files of byte-level tokenizers spell them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


BYTES = _byte_tokens()
# A space, as the files spell it.
SPACE = BYTES[ord(" ")]


def write_llama_model(path: Path, end: str = "<|eot_id|>", answer: str = "Ok", **facts: object) -> Path:
    """Write the model's file; its answers end with the token ``end``. Facts have ``__`` for the dot."""
    chance = random.Random(1)
    tokens = [*BYTES, "he", answer.replace(" ", SPACE), *SPECIAL_TOKENS]
    rows = [[chance.gauss(0, 1) for _ in range(WIDTH)] for _ in tokens]
    output = [[0.0] * WIDTH for _ in tokens]
    # The answer begins after the two line breaks that close a header.
    chain = [tokens.index(token) for token in (BYTES[ord("\n")], answer.replace(" ", SPACE), end)]
    for token, following in pairwise(chain):
        output[following] = rows[token]

    def flat(table: list[list[float]]) -> array[float]:
        return array("f", (number for row in table for number in row))

    def noise(out: int, inner: int, spread: float = 0.05) -> array[float]:
        return array("f", (chance.gauss(0, spread) for _ in range(out * inner)))

    keys = WIDTH * KEY_HEADS // HEADS
    ones, zeros = array("f", [1.0] * WIDTH), array("f", [0.0] * (WIDTH * WIDTH))
    tensors: list[Tensor] = [
        ("token_embd.weight", (WIDTH, len(tokens)), flat(rows)),
        ("output_norm.weight", (WIDTH,), ones),
        ("output.weight", (WIDTH, len(tokens)), flat(output)),
    ]
    for layer in range(LAYERS):
        name = f"blk.{layer}"
        tensors += [
            (f"{name}.attn_norm.weight", (WIDTH,), ones),
            (f"{name}.attn_q.weight", (WIDTH, WIDTH), noise(WIDTH, WIDTH)),
            (f"{name}.attn_k.weight", (WIDTH, keys), noise(keys, WIDTH)),
            (f"{name}.attn_v.weight", (WIDTH, keys), noise(keys, WIDTH)),
            (f"{name}.attn_output.weight", (WIDTH, WIDTH), zeros),
            (f"{name}.ffn_norm.weight", (WIDTH,), ones),
            (f"{name}.ffn_gate.weight", (WIDTH, FEED_FORWARD), noise(FEED_FORWARD, WIDTH)),
            (f"{name}.ffn_up.weight", (WIDTH, FEED_FORWARD), noise(FEED_FORWARD, WIDTH)),
            (f"{name}.ffn_down.weight", (FEED_FORWARD, WIDTH), zeros[: FEED_FORWARD * WIDTH]),
        ]
    metadata = {
        "general.architecture": "llama",
        "general.name": "Llama 3.2 Test",
        "general.license": "llama3.2",
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": FEED_FORWARD,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KEY_HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 500_000.0,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in SPECIAL_TOKENS else 1 for token in tokens],
        "tokenizer.ggml.merges": ["h e"],
        "tokenizer.ggml.bos_token_id": tokens.index("<|begin_of_text|>"),
        "tokenizer.ggml.eos_token_id": tokens.index("<|eot_id|>"),
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }
    return write_gguf(
        path, metadata | {key.replace("__", "."): value for key, value in facts.items()}, tensors
    )
