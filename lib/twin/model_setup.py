"""The way in which a model's file is run on this computer (slots, context, memory), and the loaded model."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from lib.local_models.memory import read_memory
from lib.local_models.model_source import ModelFile, ModelSource
from lib.model.model_record import default_model
from lib.twin import gguf_file, lora_finetunes, weights
from lib.twin.engine import Engine
from lib.twin.engine_errors import CannotStartError
from lib.twin.generation_plan import GenerationPlan, plan_generation
from lib.twin.lora_finetunes import NO_ADAPTERS, AdapterCatalog
from lib.twin.next_token_probabilities import NextTokenProbabilities
from lib.twin.prepared_request import PreparedRequest
from lib.twin.request_limits import PromptLimits
from lib.twin.slot_count import choose_context, choose_slots
from lib.twin.tool_choice import ToolChooser

# What an engine takes besides the file and the contexts: 26 to 50 MB with the shipped model; more with a larger
# vocabulary.
ENGINE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class EngineOptions:
    """What the user says about every engine. None: chosen by memory and cores."""

    threads: int = 1
    slots: int | None = None
    context: int | None = None


DEFAULT_OPTIONS = EngineOptions()


@dataclass(frozen=True)
class ModelSetup:
    """A model's file, and how it is run. ``file_bytes`` is the size of the file."""

    path: Path
    source: ModelSource
    file: gguf_file.ModelFileInfo = gguf_file.UNKNOWN_MODEL_FILE
    file_bytes: int = 0
    slots: int = 1
    threads: int = 1
    context: int = 8192

    @property
    def own_bytes(self) -> int:
        """The memory that it takes besides its file, which is mapped into memory."""
        return self.slots * self.context * self.file.cache_bytes_per_token + ENGINE_BYTES

    @property
    def memory(self) -> int:
        """The bytes of memory that it needs."""
        return self.file_bytes + self.own_bytes

    @property
    def limits(self) -> PromptLimits:
        return PromptLimits(self.context, self.file.longest_token)


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, with what is remembered about its prompts."""

    setup: ModelSetup
    engine: Engine
    adapters: AdapterCatalog
    tool_chooser: ToolChooser
    probabilities: NextTokenProbabilities

    @classmethod
    def of(cls, setup: ModelSetup, engine: Engine, adapters: AdapterCatalog = NO_ADAPTERS) -> LoadedModel:
        probabilities = NextTokenProbabilities(engine, setup.file.tokens)
        return cls(setup, engine, adapters, ToolChooser(engine), probabilities)

    def plan(self, request: PreparedRequest) -> GenerationPlan:
        """Plan the answer to a request, with its adapter. Raises TwinApiError."""
        adapter = self.adapters.find_number(request.model, request.body)
        return plan_generation(request.body, replace(request.job, adapter=adapter), self.engine)


def choose_setup(path: Path, options: EngineOptions, source: ModelSource | None = None) -> ModelSetup:
    """Read a model's file, and choose how it is run. Raises CannotStartError."""
    file = read_model_file(path)
    memory, token_bytes = read_memory(), file.cache_bytes_per_token
    documented = default_model().context_window
    context = options.context or choose_context(file.context_length, documented, memory, token_bytes)
    slots = options.slots or choose_slots(os.cpu_count() or 1, memory, context * token_bytes)
    size = path.stat().st_size
    return ModelSetup(path, source or ModelFile(path), file, size, slots, options.threads, context)


def read_model_file(path: Path) -> gguf_file.ModelFileInfo:
    """Return the facts of a model's file. Raises CannotStartError."""
    try:
        return gguf_file.read_info(path)
    except gguf_file.NotGgufError:
        reason = f"not a GGUF model file: {path}"
    except OSError as error:
        reason = f"the model file cannot be read: {path}: {error.strerror}"
    advice = "Use another model: on the page, by --model, or by PADDOCK_MODEL."
    raise CannotStartError(reason, advice)


def load_model(setup: ModelSetup) -> LoadedModel:
    """Load a model's file into memory. Raises CannotStartError."""
    adapters = _scan_adapters(setup.path)
    engine = Engine(
        setup.path,
        slots=setup.slots,
        threads=setup.threads,
        context=setup.context,
        bos_text=setup.file.bos_text,
        control_tokens=setup.file.control_tokens,
        adapters=[adapter.path for adapter in adapters.adapters],
        exact_cache=has_exact_cache(setup.file, platform.machine()),
    )
    return LoadedModel.of(setup, engine, adapters)


def load_checked(setup: ModelSetup) -> LoadedModel:
    """Load a model that was listed some time ago, after its file is compared again. Raises CannotStartError."""
    weights.require_whole(setup.source)
    return load_model(setup)


def has_exact_cache(model_file: gguf_file.ModelFileInfo, machine: str) -> bool:
    """Return True if the model's numbers are the same in every batch, as measured with the shipped model on x86.

    Other types of tensors, and other processors, may have kernels of their own for batches.
    """
    exact_types = {gguf_file.TENSOR_FLOAT32, gguf_file.TENSOR_Q4_1}
    is_measured = bool(model_file.layer_types) and model_file.layer_types <= exact_types
    return is_measured and machine.lower() in ("x86_64", "amd64")


def _scan_adapters(path: Path) -> AdapterCatalog:
    """Return the adapters that fit the model, and print why the user's other ones are skipped."""
    adapters = lora_finetunes.scan_adapters(path)
    for skipped in adapters.skipped:
        # The shipped adapters fit the shipped model only; that is nothing to report.
        if skipped.path.parent != lora_finetunes.SHIPPED_FOLDER:
            print(f"Adapter {skipped.path.name} is left out: {skipped.reason}.", file=sys.stderr)
    return adapters
