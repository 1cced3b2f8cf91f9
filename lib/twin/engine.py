"""The language model itself: llama.cpp in this process, behind one asynchronous generator.

Each generation runs in a worker thread inside llama.cpp, which calls back once a token; the callback hands
the piece to the event loop and says whether to go on. Closing the generator is how a generation is stopped.
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

from lib.twin.engine_errors import BadPromptError, EngineBusyError, EngineError, PromptTooLongError
from lib.twin.llama_server import LlamaServerClient

MAX_QUEUED_PER_SLOT = 8  # generations that may wait for each slot; whoever comes after them is turned away
RANDOM_SEED = 2**32 - 1  # what llama.cpp takes for "choose one yourself"
MIN_REPEAT_PENALTY = 1e-6  # the documented range starts at 0, llama.cpp's just above it


@dataclass(frozen=True)
class GenerationJob:
    """One generation. Either ``prompt`` (text as it is) or ``messages`` (role, content; the chat template applies).

    The defaults are neutral: a parameter at its default changes nothing about what the model would say.
    """

    max_tokens: int
    temperature: float
    prompt: str | None = None
    messages: tuple[tuple[str, str], ...] = ()
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    grammar: str = ""  # in llama.cpp's notation: nothing else can be said
    chat: Mapping[str, Any] | None = None  # messages and tools for a chat template that knows tools itself
    adapter: int | None = None  # the number of a LoRA adapter, in the order in which the engine got them


@dataclass(frozen=True)
class TextPiece:
    """Some more of the answer: whole characters, at least one. The first piece knows the prompt's tokens."""

    text: str
    prompt_tokens: int = 0


@dataclass(frozen=True)
class ToolCallPiece:
    """The answer calls a tool. ``arguments`` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class EndPiece:
    """The answer's end, with the exact counts. ``completion_tokens`` includes the token that ended it."""

    reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


Piece = TextPiece | ToolCallPiece | EndPiece


class CannotStartError(Exception):
    """The engine cannot run here. ``advice`` says what would help."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


def _library() -> Any:
    # Both are read when the native library loads. Without the first, OpenMP's waiting threads burn the cores
    # that other processes need (measured: 89 → 12 tokens/s beside one busy process); the second keeps a native
    # assertion from starting a debugger.
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
            "Install what requirements.txt lists into this Python: python -m pip install -r requirements.txt",
        ) from None
    return xllamacpp


def _request(job: GenerationJob, context: int, adapters: int) -> dict[str, Any]:
    """The job in llama.cpp's own terms. Everything is said: none of its defaults is neutral."""
    sampling = {
        "temperature": job.temperature,
        "top_k": job.top_k,
        "top_p": min(job.top_p, 1.0),
        "min_p": 0.0,
        "repeat_penalty": max(job.repetition_penalty, MIN_REPEAT_PENALTY),
        "frequency_penalty": job.frequency_penalty,
        "presence_penalty": job.presence_penalty,
        "repeat_last_n": context,  # penalties look at all of the conversation, not at the last 64 tokens
        "samplers": ["penalties", "temperature", "top_k", "top_p"],
        # Never the value that means random; neighbouring seeds stay different above 2**32 too.
        "seed": secrets.randbelow(RANDOM_SEED) if job.seed is None else job.seed % RANDOM_SEED,
        # A prompt that is partly taken from the cache is computed in other batches, and the last bits of its
        # numbers differ: from about 100 tokens on the same seed then tells another story.
        "cache_prompt": job.seed is None and job.temperature > 0,
    }
    request: dict[str, Any] = {
        **sampling,
        # More than the context is refused anyway, and llama.cpp cannot even read numbers of any size.
        "max_tokens": min(job.max_tokens, context),
        "stop": list(job.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # lets a stop arrive while the prompt is still being read
        # Each by name, those at rest too: what is left out keeps the scale that the slot's last request gave it.
        "lora": [{"id": number, "scale": float(number == job.adapter)} for number in range(adapters)],
    }
    if job.grammar:
        request["grammar"] = job.grammar
    return request | _input(job)


def _input(job: GenerationJob) -> dict[str, Any]:
    """What the job is to go on from, in llama.cpp's own terms."""
    if job.prompt is not None:
        return {"prompt": job.prompt}
    return {
        "messages": [{"role": role, "content": content} for role, content in job.messages],
        "reasoning_format": "none",  # a user's own model may think aloud: nothing is hidden or cut out
        "chat_template_kwargs": {"enable_thinking": False},  # and would refuse to continue a given opening
        **(job.chat or {}),
    }


class _Generation:
    """One generation on its way: queued, then running in a worker thread, then gone."""

    def __init__(self, job: GenerationJob, extra: Mapping[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        self.job, self.extra, self.loop = job, dict(extra), loop
        self.chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.stop = threading.Event()
        self.started = False
        self.future: Future[None] | None = None

    def put(self, item: bytes | Exception | None) -> None:
        try:
            self.loop.call_soon_threadsafe(self.chunks.put_nowait, item)
        except RuntimeError:  # the loop has ended: nobody listens any more
            self.stop.set()


class Engine:
    """A loaded model with a fixed number of slots, each with a context of its own."""

    def __init__(
        self,
        path: Path,
        *,
        slots: int,
        threads: int,
        context: int,
        opening: str = "",
        adapters: Sequence[Path] = (),
    ) -> None:
        library = _library()
        self.slots, self.context, self._opening, self._adapters = slots, context, opening, len(adapters)
        params = library.CommonParams()
        params.model.path = str(path)
        # Not one shared context (kv_unified): overcommitting that fails every running generation at once.
        params.n_parallel, params.n_ctx = slots, context * slots
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        # How long a stop takes while a prompt is being read, and how long the other slots wait meanwhile: 0.36 s
        # with 64, 1.3-1.9 s with 256, at the same speed (measured at 200 prompt tokens/s).
        params.n_batch = params.n_ubatch = 64
        params.verbosity, params.cache_ram_mib = 0, 0
        params.lora_adapters = [library.CommonAdapterLoraInfo(str(adapter), 0.0) for adapter in adapters]
        params.lora_init_without_apply = True
        key = secrets.token_urlsafe(32)  # it always opens a listener of its own: nobody else gets in
        params.api_keys = [key]
        try:
            self._server = library.Server(params)
        except (ValueError, RuntimeError) as error:
            raise CannotStartError(
                f"the model cannot be loaded: {error}",
                "Is PADDOCK_MODEL a model file that llama.cpp can read, and is there memory enough?",
            ) from None
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="generation")
        self.llama_server = LlamaServerClient(self._server.listening_address, key)
        self._calls: set[_Generation] = set()

    @property
    def running_count(self) -> int:
        """Generations that hold a slot now."""
        return sum(call.started for call in tuple(self._calls))

    @property
    def waiting_count(self) -> int:
        """Generations that wait for a slot."""
        return sum(not call.started for call in tuple(self._calls))

    async def generate(self, job: GenerationJob) -> AsyncGenerator[Piece, None]:
        """The answer piece by piece, then its End. Raises EngineError; ends early only by being closed."""
        reason: Literal["stop", "length"] = "stop"
        prompt_tokens = 0
        calls: dict[int, list[str]] = {}
        async with aclosing(self._chunks(job, {})) as chunks:
            async for chunk in chunks:
                prompt_tokens = chunk.get("prompt_progress", {}).get("total", prompt_tokens)
                for choice in chunk.get("choices", ()):
                    if choice.get("finish_reason") == "length":
                        reason = "length"
                    if text := choice.get("text") or (choice.get("delta") or {}).get("content"):
                        yield TextPiece(text, prompt_tokens)
                        prompt_tokens = 0
                    for part in (choice.get("delta") or {}).get("tool_calls") or ():
                        told = calls.setdefault(part.get("index", 0), ["", "", ""])
                        function = part.get("function") or {}
                        told[0] = part.get("id") or told[0]
                        told[1] += function.get("name") or ""
                        told[2] += function.get("arguments") or ""
                if usage := chunk.get("usage"):
                    for call in calls.values():
                        yield ToolCallPiece(*call)
                    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
                    yield EndPiece(reason, usage["prompt_tokens"], usage["completion_tokens"], cached)
                    return
        raise EngineError("the engine ended without an answer")

    async def next_token_candidates(
        self, job: GenerationJob, extra: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], int]:
        """What may come next: llama.cpp's own list of candidates, best first, and the prompt's tokens.

        ``extra`` is in llama.cpp's terms and says how many candidates, and which samplers they have been through.
        """
        candidates: list[dict[str, Any]] | None = None
        async with aclosing(self._chunks(replace(job, max_tokens=1), extra)) as chunks:
            async for chunk in chunks:
                for choice in chunk.get("choices", ()):
                    for token in (choice.get("logprobs") or {}).get("content") or ():
                        candidates = token.get("top_logprobs") or token.get("top_probs")
                if (usage := chunk.get("usage")) and candidates is not None:
                    return candidates, usage["prompt_tokens"]
        raise EngineError("the engine told no probabilities")

    async def render_prompt(self, job: GenerationJob) -> str:
        """The prompt's text exactly as it is tokenized, the opening token that the engine adds included."""
        prompt = job.prompt if job.prompt is not None else await self.llama_server.apply_template(_input(job))
        return self._opening + prompt.removeprefix(self._opening)

    async def count_tokens(self, prompt: str) -> int:
        """The tokens of a text that ``lay_out`` gave."""
        return await self.llama_server.count_tokens(prompt.removeprefix(self._opening))

    async def _chunks(
        self, job: GenerationJob, extra: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """What the engine says, as it says it. Raises EngineError."""
        if len(self._calls) >= self.slots * (1 + MAX_QUEUED_PER_SLOT):
            raise EngineBusyError("every slot is taken and the queue is full")
        call = _Generation(job, extra, asyncio.get_running_loop())
        self._calls.add(call)
        try:
            call.future = self._pool.submit(self._run, call)
        except RuntimeError:  # the pool is shut
            self._calls.discard(call)
            raise EngineError("the twin is ending") from None
        try:
            while (item := await call.chunks.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                chunk = json.loads(item)
                if "error" in chunk:
                    raise self._failure(chunk["error"], job)
                total = chunk.get("prompt_progress", {}).get("total", 0)
                if total + job.max_tokens > self.context:
                    raise PromptTooLongError(total + job.max_tokens)
                yield chunk
        finally:
            call.stop.set()
            if call.future.cancel():
                self._calls.discard(call)

    def stop(self) -> None:
        """Ends every generation, running or waiting."""
        for call in tuple(self._calls):
            call.stop.set()
            call.put(None)

    def close(self) -> None:
        """Ends every generation and frees the model. Ending the process before this aborts it."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.llama_server.close()
        del self._server

    def on_chunk(self, call: _Generation, chunk: bytes) -> bool:
        """One callback of the engine. True ends the generation."""
        call.put(bytes(chunk))
        return call.stop.is_set()

    def _failure(self, error: dict[str, Any], job: GenerationJob) -> EngineError:
        if error.get("type") == "exceed_context_size_error":
            return PromptTooLongError(int(error.get("n_prompt_tokens", self.context)) + job.max_tokens)
        message = str(error.get("message", error))
        return BadPromptError(message) if error.get("code") == 400 else EngineError(message)

    def _run(self, call: _Generation) -> None:
        """In a worker thread, from the slot's taking to its freeing."""
        try:
            if call.stop.is_set():
                return
            call.started = True
            job = call.job
            if job.prompt is not None and self._opening:
                # The engine puts the opening token in front by itself; a raw prompt often has it already.
                job = replace(job, prompt=job.prompt.removeprefix(self._opening))
            answer: Callable[[bytes, Callable[[bytes], bool]], Any] = (
                self._server.handle_chat_completions
                if job.prompt is None
                else self._server.handle_completions
            )
            body = json.dumps(_request(job, self.context, self._adapters) | call.extra).encode()
            answer(body, lambda chunk: self.on_chunk(call, chunk))
        except (ValueError, RuntimeError) as error:  # how the engine's own C++ exceptions arrive
            call.put(BadPromptError(str(error)))
        except Exception as error:  # a thread has nobody else to tell
            call.put(EngineError(repr(error)))
        finally:
            self._calls.discard(call)
            call.put(None)
