"""Train the LoRA adapter that comes with the twin: it teaches the shipped model a style, from a file of pairs.

Only developers need this: the twin needs only the adapter. In an environment of its own::

    pip install torch==2.13.0 gguf==0.19.0 tokenizers==0.23.3 numpy platformdirs
    python -m scripts.train_adapter scripts/pirate.toml

which writes lib/twin/adapters/pirate.gguf. The same file of pairs gives the same adapter on the same machine, in
about ten minutes of one core.

The model is implemented here in GGUF's layout (llama.cpp orders the rows of attn_q and attn_k differently than
Hugging Face), and reads the weights that the twin runs, with their rounding. So the adapter fits these weights, and
needs no conversion.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch.nn import functional

from lib.twin import weights

ADAPTERS = Path("lib/twin/adapters")
SEED = 1
RANK, ALPHA = 4, 8.0
TARGETS = ("attn_q", "attn_v", "attn_output")
# The style is made in the upper layers; the lower ones read.
FIRST_LAYER = 10
EPOCHS, BATCH, LEARNING_RATE = 8, 4, 2e-3


@dataclass(frozen=True)
class Lesson:
    """The tokens of a conversation. The answer to be learnt begins at ``start``."""

    tokens: torch.Tensor
    start: int


class Llama:
    """The frozen model and the adapter's matrices."""

    def __init__(self, path: Path) -> None:
        reader = gguf.GGUFReader(path)
        self.facts: dict[str, Any] = {
            key: field.contents()
            for key, field in reader.fields.items()
            if key.startswith(("llama.", "general."))
        }
        self.tokens: list[str] = reader.fields["tokenizer.ggml.tokens"].contents()
        self.merges: list[str] = reader.fields["tokenizer.ggml.merges"].contents()
        self.weights = {
            tensor.name.removesuffix(".weight"): torch.from_numpy(
                gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            )
            for tensor in reader.tensors
        }
        self.layers = int(self.facts["llama.block_count"])
        self.heads = int(self.facts["llama.attention.head_count"])
        self.groups = int(self.facts["llama.attention.head_count_kv"])
        self.adapter: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def adapt(self) -> list[torch.Tensor]:
        """Add an adapter that changes nothing yet. Return the matrices to train."""
        for layer in range(FIRST_LAYER, self.layers):
            for target in TARGETS:
                name = f"blk.{layer}.{target}"
                rows, columns = self.weights[name].shape
                a = torch.randn(RANK, columns) / math.sqrt(columns)
                self.adapter[name] = (a.requires_grad_(), torch.zeros(rows, RANK, requires_grad=True))
        return [matrix for pair in self.adapter.values() for matrix in pair]

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        y = functional.linear(x, self.weights[name])
        if name not in self.adapter:
            return y
        a, b = self.adapter[name]
        return y + ALPHA / RANK * functional.linear(functional.linear(x, a), b)

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(
            x, x.shape[-1:], self.weights[name], self.facts["llama.attention.layer_norm_rms_epsilon"]
        )

    def _rotate(self, x: torch.Tensor) -> torch.Tensor:
        """Apply rotary positions to neighbouring pairs, as in GGUF. [tokens, heads, size] → [heads, tokens, size]."""
        length, _, size = x.shape
        speed = self.facts["llama.rope.freq_base"] ** (-torch.arange(0, size, 2) / size)
        angle = torch.outer(torch.arange(length), speed)[:, None]
        even, odd = x[..., 0::2], x[..., 1::2]
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2).transpose(0, 1)

    def block(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        """Apply one layer: [tokens, width] → [tokens, width]."""
        prefix = f"blk.{layer}."
        length = len(x)
        normed = self._norm(prefix + "attn_norm", x)
        q = self._rotate(self._linear(prefix + "attn_q", normed).view(length, self.heads, -1))
        k = self._rotate(self._linear(prefix + "attn_k", normed).view(length, self.groups, -1))
        v = self._linear(prefix + "attn_v", normed).view(length, self.groups, -1).transpose(0, 1)
        k, v = (each.repeat_interleave(self.heads // self.groups, 0) for each in (k, v))
        mixed = functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
        x = x + self._linear(prefix + "attn_output", mixed.transpose(0, 1).reshape(length, -1))
        normed = self._norm(prefix + "ffn_norm", x)
        gate = functional.silu(self._linear(prefix + "ffn_gate", normed))
        return x + self._linear(prefix + "ffn_down", gate * self._linear(prefix + "ffn_up", normed))

    def run_lower_layers(self, tokens: torch.Tensor) -> torch.Tensor:
        """Apply the layers below the adapter. They never change, so this is computed once per text."""
        with torch.no_grad():
            x = self.weights["token_embd"][tokens]
            for layer in range(FIRST_LAYER):
                x = self.block(layer, x)
        return x

    def loss(self, lesson: Lesson, x: torch.Tensor) -> torch.Tensor:
        """Return the loss per token of the answer. ``x`` is the lesson after ``run_lower_layers``."""
        for layer in range(FIRST_LAYER, self.layers):
            x = self.block(layer, x)
        x = self._norm("output_norm", x[lesson.start - 1 : -1])
        return functional.cross_entropy(
            functional.linear(x, self.weights["token_embd"]), lesson.tokens[lesson.start :]
        )

    def tokenizer(self) -> Tokenizer:
        """Return SmolLM2's tokenizer: single digits, then GPT-2's byte pairs."""
        vocabulary = {token: number for number, token in enumerate(self.tokens)}
        pairs = [(left, right) for left, right in (merge.split(" ") for merge in self.merges)]
        tokenizer = Tokenizer(models.BPE(vocabulary, pairs))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
        return tokenizer


# The chat template's system prompt for conversations without one.
OWN_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def make_lessons(style: dict[str, Any], tokenizer: Tokenizer, chance: random.Random) -> list[Lesson]:
    """Build each pair in three ways: as first question, with another system prompt, and after another exchange."""

    def turn(role: str, text: str) -> str:
        return f"<|im_start|>{role}\n{text}<|im_end|>\n"

    made = []
    pairs: list[tuple[str, str]] = style["pairs"]
    for question, answer in pairs:
        earlier_question, earlier_answer = chance.choice(pairs)
        asked = turn("user", question) + "<|im_start|>assistant\n"
        earlier = turn("user", earlier_question) + turn("assistant", earlier_answer)
        for opening in (
            turn("system", OWN_SYSTEM),
            turn("system", chance.choice(style["systems"])),
            turn("system", OWN_SYSTEM) + earlier,
        ):
            before = tokenizer.encode(opening + asked).ids
            after = tokenizer.encode(answer + "<|im_end|>").ids
            made.append(Lesson(torch.tensor(before + after), len(before)))
    return made


def train(model: Llama, taught: list[Lesson], chance: random.Random) -> None:
    """Train on a third of the lessons in each epoch, and print the loss."""
    matrices = model.adapt()
    read = [model.run_lower_layers(lesson.tokens) for lesson in taught]
    optimizer = torch.optim.AdamW(matrices, lr=LEARNING_RATE, weight_decay=0.01)
    steps = EPOCHS * math.ceil(len(taught) / 3 / BATCH)
    # A short warm-up, then a linear decay to zero.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 10, 1) * max(1 - step / steps, 0)
    )
    started = time.monotonic()
    for epoch in range(EPOCHS):
        order = [3 * pair + (pair + epoch) % 3 for pair in range(len(taught) // 3)]
        chance.shuffle(order)
        total = 0.0
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            for index in batch:
                loss = model.loss(taught[index], read[index])
                (loss / len(batch)).backward()
                total += loss.item()
            torch.nn.utils.clip_grad_norm_(matrices, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        print(
            f"epoch {epoch + 1}: loss {total / len(order):.3f}, {time.monotonic() - started:.0f} s",
            flush=True,
        )


def write_adapter_file(path: Path, model: Llama, style: dict[str, Any]) -> None:
    """Write the adapter with its metadata, as llama.cpp reads it."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    writer.add_name(style["name"])
    writer.add_description(style["description"])
    writer.add_license("apache-2.0")
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, "SmolLM2 135M Instruct")
    writer.add_base_model_organization(0, "HuggingFaceTB")
    writer.add_base_model_repo_url(0, "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct")
    for name, matrices in model.adapter.items():
        for letter, matrix in zip("ab", matrices, strict=True):
            writer.add_tensor(f"{name}.weight.lora_{letter}", matrix.detach().numpy().astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Train on the named file of pairs, and write the adapter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("style", type=Path, help="a file of pairs, such as scripts/pirate.toml")
    parser.add_argument("--threads", type=int, default=1, help="another number rounds otherwise (default: 1)")
    arguments = parser.parse_args()
    if os.environ.get("PADDOCK_MODEL"):
        sys.exit(
            "PADDOCK_MODEL is set, but the adapter is made for the model that comes with Paddock: unset it."
        )
    style = tomllib.loads(arguments.style.read_text(encoding="utf-8"))
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    chance = random.Random(SEED)  # noqa: S311 (repeatable, not secret)
    model = Llama(weights.ensure_weights())
    train(model, make_lessons(style, model.tokenizer(), chance), chance)
    path = ADAPTERS / f"{style['name']}.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_adapter_file(path, model, style)
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
