"""The language model: llama.cpp in this process, behind an asynchronous generator of pieces.

Each generation runs in a worker thread inside llama.cpp, which calls back for each token. The callback puts the piece
on the event loop and returns True to stop. To stop a generation, close the generator.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lib.twin.engine_errors import (
    BadPromptError,
    CannotStartError,
    EngineBusyError,
    EngineCrashedError,
    EngineError,
    PromptTooLongError,
)
from lib.twin.generation import EndPiece, GenerationJob, Pieces, TextPiece, ToolCallPiece
from lib.twin.llama_server import LlamaServerClient
from lib.twin.slot_choice import SlotChooser

# More requests than these are refused.
MAX_QUEUED_PER_SLOT = 8
# Tokens of a prompt that are read at a time. It decides how long a stop takes while a prompt is being read, and how
# long the other slots wait: 0.36 s with 64, 1.3-1.9 s with 256, at the same speed (measured at 200 prompt tokens/s).
# For batches of 64 and more, llama.cpp has another kernel of attention, which rounds otherwise: a prompt that is
# partly in the cache would then give other numbers than one that is read from its beginning.
PROMPT_BATCH = 60
# llama.cpp chooses a seed itself for this value.
RANDOM_SEED = 2**32 - 1
# llama.cpp's message if the computation itself fails; what the contexts hold is unknown then.
COMPUTE_ERROR = "Compute error."
# The documented range starts at 0, llama.cpp's just above it.
MIN_REPEAT_PENALTY = 1e-6
# Options for llguidance, which llama.cpp hands JSON Schemas to: spaces as json.dumps writes them, and unknown
# keywords are ignored. (x-guidance is not read by builds of llama.cpp without llguidance.)
JSON_GRAMMAR_OPTIONS = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "lenient": True,
}


def _load_library() -> Any:
    # The native library reads both when it loads. Without the first, OpenMP's waiting threads take the cores that
    # other processes need (measured: 89 → 12 tokens/s beside one busy process). The second keeps a failed assertion
    # from starting a debugger.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    try:
        import xllamacpp
    except ImportError as error:
        if "libgomp" in str(error):
            raise CannotStartError(
                "the system library libgomp.so.1 is missing",
                "Install it: apt install libgomp1 (Debian, Ubuntu), dnf install libgomp (Fedora), "
                "apk add libgomp (Alpine), pacman -S gcc-libs (Arch).",
            ) from None
        raise CannotStartError(
            f"the package xllamacpp cannot be loaded: {error}",
            "Install what requirements.lock lists into this Python: python -m pip install -r requirements.lock",
        ) from None
    return xllamacpp


def _request(job: GenerationJob, context: int, adapters: int, *, exact_cache: bool) -> dict[str, Any]:
    """Return the job in llama.cpp's parameters. All are set, because llama.cpp's defaults are not neutral."""
    is_repeatable = job.seed is not None or job.temperature <= 0
    return {
        "temperature": job.temperature,
        "top_k": job.top_k,
        "top_p": min(job.top_p, 1.0),
        "min_p": 0.0,
        "repeat_penalty": max(job.repetition_penalty, MIN_REPEAT_PENALTY),
        "frequency_penalty": job.frequency_penalty,
        "presence_penalty": job.presence_penalty,
        # Penalties apply to the whole conversation, not to the last 64 tokens.
        "repeat_last_n": context,
        "samplers": ["penalties", "temperature", "top_k", "top_p"],
        # Never the value that means random. Neighbouring seeds stay different above 2**32 too.
        "seed": secrets.randbelow(RANDOM_SEED) if job.seed is None else job.seed % RANDOM_SEED,
        # A prompt that is partly in the cache is computed in other batches. If that changes the last bits of its
        # numbers, the same seed gives another text. The numbers of an adapter change with the batch.
        "cache_prompt": not is_repeatable or (exact_cache and job.adapter is None),
        # More than the context is refused anyway, and llama.cpp cannot read larger numbers.
        "max_tokens": min(job.max_tokens, context),
        "stop": list(job.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
        # So that a stop arrives while the prompt is still being read.
        "return_progress": True,
        # All adapters: one that is left out keeps the scale of the slot's last request.
        "lora": [{"id": number, "scale": float(number == job.adapter)} for number in range(adapters)],
        **_prompt_fields(job),
    }


def _prompt_fields(job: GenerationJob) -> dict[str, Any]:
    if job.prompt is not None:
        return {"prompt": job.prompt}
    return {
        "messages": [{"role": role, "content": content} for role, content in job.messages],
        # A user's own model may reason in its answer: nothing is hidden or removed.
        "reasoning_format": "none",
        # A model that reasons would refuse to continue the last assistant message.
        "chat_template_kwargs": {"enable_thinking": False},
        **(job.chat or {}),
    }


def _beginning(job: GenerationJob) -> str:
    """Return a text that begins alike for jobs whose prompts begin alike."""
    # The role stands last: the first message of most conversations has the same.
    turns = "".join(f"{content}\n{role}\n" for role, content in job.messages)
    return f"{job.adapter or ''}{turns if job.prompt is None else job.prompt}"


class _Generation:
    """A generation that waits in the queue or runs in a worker thread."""

    def __init__(self, job: GenerationJob, extra: Mapping[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        self.job, self.extra, self.loop = job, dict(extra), loop
        self.chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.stop = threading.Event()
        self.started = False
        self.future: Future[None] | None = None

    def put(self, item: bytes | Exception | None) -> None:
        try:
            self.loop.call_soon_threadsafe(self.chunks.put_nowait, item)
        except RuntimeError:
            # The event loop has ended.
            self.stop.set()


@dataclass
class _PartialCall:
    """A tool call whose parts are still arriving."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, part: Mapping[str, Any]) -> None:
        function = part.get("function") or {}
        self.id = part.get("id") or self.id
        self.name += function.get("name") or ""
        self.arguments += function.get("arguments") or ""


class Engine:
    """A loaded model with a fixed number of slots, each with a context of its own.

    ``exact_cache`` is True if the model's numbers are the same to the last bit in every batch. Then answers that have
    to be repeatable use the prompt cache too.
    """

    def __init__(
        self,
        path: Path,
        *,
        slots: int,
        threads: int,
        context: int,
        bos_text: str = "",
        control_tokens: Sequence[str] = (),
        adapters: Sequence[Path] = (),
        exact_cache: bool = False,
    ) -> None:
        library = _load_library()
        self._to_grammar: Callable[[str], str] = library.json_schema_to_grammar
        self._control_tokens = tuple(control_tokens)
        self.slots, self.context, self._bos_text, self._adapters = slots, context, bos_text, len(adapters)
        params = library.CommonParams()
        params.model.path = str(path)
        # Not one shared context (kv_unified): overcommitting that fails every running generation at once.
        params.n_parallel, params.n_ctx = slots, context * slots
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_batch = params.n_ubatch = PROMPT_BATCH
        self._exact_cache = exact_cache
        if exact_cache and threads > 1:
            # With keys and values of one type, several threads share the attention of a single token from 512 tokens
            # on, and that rounds otherwise.
            params.cache_type_v = library.ggml_type.GGML_TYPE_BF16
        params.verbosity, params.cache_ram_mib = 0, 0
        params.lora_adapters = [library.CommonAdapterLoraInfo(str(adapter), 0.0) for adapter in adapters]
        params.lora_init_without_apply = True
        # llama.cpp always opens a listener of its own; the key keeps others out.
        key = secrets.token_urlsafe(32)
        params.api_keys = [key]
        try:
            self._server = library.Server(params)
        except (ValueError, RuntimeError) as error:
            raise CannotStartError(
                f"the model cannot be loaded: {error}",
                "Is PADDOCK_MODEL a model file that llama.cpp can read, and is there memory enough?",
            ) from None
        self._slot_chooser = SlotChooser(slots)
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="generation")
        self.llama_server = LlamaServerClient(self._server.listening_address, key)
        self._generations: set[_Generation] = set()
        # Why the engine has failed, "" while it has not.
        self._failure = ""

    @property
    def running_count(self) -> int:
        """The number of generations that have a slot now."""
        return sum(generation.started for generation in tuple(self._generations))

    @property
    def waiting_count(self) -> int:
        """The number of generations that wait for a slot."""
        return sum(not generation.started for generation in tuple(self._generations))

    async def generate(self, job: GenerationJob) -> Pieces:
        """Yield the pieces of the answer, the EndPiece last. Raises EngineError."""
        reason: Literal["stop", "length"] = "stop"
        prompt_tokens = 0
        calls: dict[int, _PartialCall] = {}
        async with aclosing(self._stream_chunks(job, {})) as chunks:
            async for chunk in chunks:
                prompt_tokens = chunk.get("prompt_progress", {}).get("total", prompt_tokens)
                for choice in chunk.get("choices", ()):
                    delta = choice.get("delta") or {}
                    if choice.get("finish_reason") == "length":
                        reason = "length"
                    if text := choice.get("text") or delta.get("content"):
                        yield TextPiece(text, prompt_tokens)
                        prompt_tokens = 0
                    for part in delta.get("tool_calls") or ():
                        calls.setdefault(part.get("index", 0), _PartialCall()).add(part)
                if usage := chunk.get("usage"):
                    for call in calls.values():
                        yield ToolCallPiece(call.id, call.name, call.arguments)
                    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
                    yield EndPiece(reason, usage["prompt_tokens"], usage["completion_tokens"], cached)
                    return
        raise EngineError("the engine ended without an answer")

    async def next_token_candidates(
        self, job: GenerationJob, extra: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return llama.cpp's candidates for the next token, best first, and the prompt's token count.

        ``extra`` has llama.cpp parameters: the number of candidates, and the samplers applied to them.
        """
        candidates: list[dict[str, Any]] | None = None
        async with aclosing(self._stream_chunks(replace(job, max_tokens=1), extra)) as chunks:
            async for chunk in chunks:
                for choice in chunk.get("choices", ()):
                    for token in (choice.get("logprobs") or {}).get("content") or ():
                        candidates = token.get("top_logprobs") or token.get("top_probs")
                if (usage := chunk.get("usage")) and candidates is not None:
                    return candidates, usage["prompt_tokens"]
        raise EngineError("the engine told no probabilities")

    def fit_messages(self, job: GenerationJob) -> GenerationJob:
        """Return the job with the messages that the chat template would refuse joined to others."""
        if job.prompt is not None or job.chat is not None:
            return job
        return replace(job, messages=self.llama_server.template_rules.fit(job.messages))

    async def render_prompt(self, job: GenerationJob) -> str:
        """Return the prompt's text exactly as it is tokenized, with the BOS token that the engine adds."""
        prompt = job.prompt
        if prompt is None:
            prompt = await self.llama_server.apply_template(_prompt_fields(self.fit_messages(job)))
        return self._bos_text + prompt.removeprefix(self._bos_text)

    async def count_tokens(self, prompt: str) -> int:
        """Count the tokens of a text that ``render_prompt`` returned."""
        return await self.llama_server.count_tokens(prompt.removeprefix(self._bos_text))

    async def _stream_chunks(
        self, job: GenerationJob, extra: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield llama.cpp's chunks. Raises EngineError."""
        if self._failure:
            raise EngineCrashedError(self._failure)
        if len(self._generations) >= self.slots * (1 + MAX_QUEUED_PER_SLOT):
            raise EngineBusyError("every slot is taken and the queue is full")
        # A generation that was stopped, or has ended, frees its slot in a moment.
        taken = sum(not generation.stop.is_set() for generation in tuple(self._generations))
        if job.reject_if_busy and taken >= self.slots:
            raise EngineBusyError("every slot is taken")
        generation = _Generation(self.fit_messages(job), extra, asyncio.get_running_loop())
        self._generations.add(generation)
        try:
            generation.future = self._pool.submit(self._run, generation)
        except RuntimeError:
            # The pool is shut down.
            self._generations.discard(generation)
            raise EngineError("the twin is ending") from None
        try:
            while (item := await generation.chunks.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                chunk = json.loads(item)
                if "error" in chunk:
                    raise self._to_engine_error(chunk["error"], job)
                total = chunk.get("prompt_progress", {}).get("total", 0)
                if total + job.max_tokens > self.context:
                    raise PromptTooLongError(total + job.max_tokens)
                yield chunk
        finally:
            generation.stop.set()
            if generation.future.cancel():
                self._generations.discard(generation)

    def stop(self) -> None:
        """Stop all generations, running or waiting."""
        for generation in tuple(self._generations):
            generation.stop.set()
            generation.put(None)

    def fail(self, reason: str) -> None:
        """End all generations, running or waiting, and later ones, with EngineCrashedError."""
        self._failure = reason
        for generation in tuple(self._generations):
            generation.stop.set()
            generation.put(EngineCrashedError(reason))

    def close(self) -> None:
        """Stop all generations and free the model. A process that exits before this aborts."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.llama_server.close()
        del self._server

    def on_chunk(self, generation: _Generation, chunk: bytes) -> bool:
        """Handle one callback of llama.cpp. Return True to stop the generation."""
        generation.put(bytes(chunk))
        return generation.stop.is_set()

    def _to_engine_error(self, error: dict[str, Any], job: GenerationJob) -> EngineError:
        if error.get("type") == "exceed_context_size_error":
            return PromptTooLongError(int(error.get("n_prompt_tokens", self.context)) + job.max_tokens)
        message = str(error.get("message", error))
        if message == COMPUTE_ERROR:
            return EngineCrashedError(message)
        return BadPromptError(message) if error.get("code") == 400 else EngineError(message)

    def _run(self, generation: _Generation) -> None:
        """Run the generation in a worker thread, which is one slot."""
        try:
            if generation.stop.is_set():
                return
            generation.started = True
            job = generation.job
            if job.prompt is not None and self._bos_text:
                # The engine adds the BOS token itself; a raw prompt often has it already.
                job = replace(job, prompt=job.prompt.removeprefix(self._bos_text))
            server = self._server
            complete = server.handle_chat_completions if job.prompt is None else server.handle_completions
            request = _request(job, self.context, self._adapters, exact_cache=self._exact_cache)
            request |= generation.extra
            if job.json_schema is not None:
                request["grammar"] = self._json_grammar(job.json_schema)
            with self._slot_chooser.take(_beginning(job)) as slot:
                request["id_slot"] = slot
                body = json.dumps(request).encode()
                try:
                    complete(body, lambda chunk: self.on_chunk(generation, chunk))
                except (ValueError, RuntimeError):
                    raise
                except Exception as error:
                    # No refusal of this request, such as a lack of memory: what the engine's state is, nobody knows.
                    raise EngineCrashedError(repr(error)) from error
        except (ValueError, RuntimeError) as error:
            # llama.cpp's C++ exceptions arrive as these.
            generation.put(BadPromptError(str(error)))
        except EngineError as error:
            generation.put(error)
        except Exception as error:
            # Nothing else would report an exception of this thread.
            generation.put(EngineError(repr(error)))
        finally:
            self._generations.discard(generation)
            generation.put(None)

    def _json_grammar(self, schema: Mapping[str, Any]) -> str:
        text = json.dumps({**schema, "x-guidance": JSON_GRAMMAR_OPTIONS})
        grammar = self._to_grammar(text)
        if any(token in text for token in self._control_tokens):
            # llguidance would force the control token itself for its text in the schema, and then refuse it.
            return grammar.replace("%llguidance {}", '%llguidance {"no_forcing": true}', 1)
        return grammar
