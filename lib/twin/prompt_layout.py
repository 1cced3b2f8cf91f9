"""Show the prompt of a request: the text exactly as it is tokenized, and its token count."""

from __future__ import annotations

from typing import Any

from lib.twin.engine import Engine
from lib.twin.generation_plan import GenerationPlan
from lib.twin.gguf_file import ModelFileInfo
from lib.twin.template_turns import JOINED_NOTE

# A string in the chat templates of a format, and the format's usual name. The first match counts.
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
    """Return the usual name of the chat template's format, or the model's own name if it is unknown."""
    return next((format_name for marker, format_name in FORMAT_MARKERS if marker in template), name)


async def describe_prompt(plan: GenerationPlan, engine: Engine, model_file: ModelFileInfo) -> dict[str, Any]:
    """Return the prompt and facts about it. Needs no slot. Raises EngineError."""
    prompt = await engine.render_prompt(plan.job)
    return {
        "prompt": prompt,
        "prompt_tokens": await engine.count_tokens(prompt),
        "special_tokens": list(model_file.control_tokens),
        "chat_format": detect_chat_format(engine.llama_server.chat_template, model_file.name),
        "context_window": engine.context,
        "note": "" if engine.fit_messages(plan.job) == plan.job else JOINED_NOTE,
    }
