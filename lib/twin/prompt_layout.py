"""How a request is laid out for the model: the text exactly as it is tokenized, and how many tokens it is."""

from __future__ import annotations

from typing import Any

from lib.twin.engine import Engine
from lib.twin.generation_plan import GenerationPlan
from lib.twin.gguf_file import ModelFileInfo

# A mark that a chat template of the format has, and what people call it. The first that fits counts.
FORMAT_MARKERS = (
    ("<|start_header_id|>", "Llama 3"),
    ("<|im_start|>", "ChatML"),
    ("<start_of_turn>", "Gemma"),
    ("<|header_start|>", "Llama 4"),
    ("<|start_of_role|>", "Granite"),
    ("<|channel|>", "Harmony"),
    ("<|assistant|>", "Zephyr"),
    ("[INST]", "Mistral"),
)


def detect_chat_format(template: str, name: str) -> str:
    """What the chat template's format is called; where that is not known, the model's own name."""
    return next((known for mark, known in FORMAT_MARKERS if mark in template), name)


async def lay_out(plan: GenerationPlan, engine: Engine, card: ModelFileInfo) -> dict[str, Any]:
    """The prompt of a request and its count. Needs no slot. Raises EngineError."""
    prompt = await engine.render_prompt(plan.job)
    return {
        "prompt": prompt,
        "prompt_tokens": await engine.count_tokens(prompt),
        "special_tokens": list(card.control_tokens),
        "chat_format": detect_chat_format(engine.llama_server.chat_template, card.name),
        "context_window": engine.context,
    }
