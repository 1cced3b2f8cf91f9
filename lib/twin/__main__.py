"""Starts the twin: ``python -m lib.twin``; with ``--supervised`` it tells its state in JSON lines on stdout."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import secrets
import signal
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import uvicorn

from lib.model.model_record import default_model
from lib.twin import fault_injection, gguf_file, lora_finetunes, weights, wire_variants
from lib.twin.app import TwinOptions, build_app
from lib.twin.auth import ACCOUNT_PATTERN
from lib.twin.engine import CannotStartError, Engine

HOST = "127.0.0.1"  # never another: whoever reaches the twin may use this computer's processor
DEFAULT_CONTEXT = 8192  # more only costs memory with the model that comes along, and time with any other
SHIPPED_MODEL_NAME = "SmolLM2-135M"


class StartReporter:
    """Tells how the start goes: JSON lines for a program, sentences for a person."""

    def __init__(self, out: TextIO, *, supervised: bool) -> None:
        self.out, self.supervised = out, supervised
        self._last = 0.0

    def report_state(self, state: str, **facts: Any) -> None:
        """One line of the supervisor's protocol."""
        if self.supervised:
            print(json.dumps({"state": state, **facts}), file=self.out, flush=True)

    def print_text(self, text: str) -> None:
        """Something for a person."""
        if not self.supervised:
            print(text, file=self.out, flush=True)

    def report_download(self, done: int, total: int) -> None:
        """How far the weights are."""
        self.report_state("fetching", done=done, total=total)
        if not self.supervised and (time.monotonic() - self._last > 1 or done == total):
            self._last = time.monotonic()
            self.print_text(f"Fetching the model's weights, once: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def report_failure(self, reason: str, advice: str) -> int:
        """The end of a start that did not succeed; its exit code."""
        self.report_state("failed", reason=reason, advice=advice)
        if not self.supervised:
            print(f"The twin cannot start: {reason}\n{advice}", file=sys.stderr)
        return 1


class TwinServer(uvicorn.Server):
    """uvicorn, ending the running generations before it waits for their answers to end."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self.engine = engine

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.engine.stop()
        await super().shutdown(sockets)


def _count(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if (number := int(text)) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return number

    count.__name__ = "number"  # argparse names it in "invalid number value"
    return count


def _named(understood: Callable[[str], object]) -> Callable[[str], str]:
    def named(text: str) -> str:
        try:
            understood(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return named


def _tables() -> str:
    wire = [f"  {name:14}{variant.description}" for name, variant in wire_variants.VARIANTS.items()]
    fault = [f"  {name:14}{kind.description}" for name, kind in fault_injection.FAULTS.items()]
    return "\n".join(
        [
            f"The shapes of answers, for --wire and the header {wire_variants.HEADER}:",
            *wire,
            "",
            f"Faults, for --fault and the header {fault_injection.HEADER}:",
            *fault,
            "",
            *textwrap.wrap(f"A fault is asked for as {fault_injection.FAULT_SYNTAX}."),
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lib.twin",
        description="The Workers AI API on this computer.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_tables(),
    )
    add = parser.add_argument
    add("--port", type=_count(0), default=8787, help="default 8787; 0 takes any free one")
    add(
        "--account",
        default=os.environ.get("PADDOCK_TWIN_ACCOUNT"),
        help="32 hexadecimal digits; else made anew",
    )
    add("--slots", type=_count(1), default=2, help="answers at a time (default 2)")
    # One core is left free: with all of them, the engine's waiting threads slow everything, itself too.
    cores = os.cpu_count() or 2
    add("--threads", type=_count(1), default=max(1, cores - 1), help="default: all cores but one")
    add("--context", type=_count(64), default=os.environ.get("PADDOCK_CONTEXT"), help="tokens a slot")
    add(
        "--wire",
        type=_named(wire_variants.find_variant),
        default=wire_variants.DEFAULT_VARIANT,
        metavar="NAME",
        help="see below",
    )
    add(
        "--fault",
        type=_named(fault_injection.parse_fault),
        default=fault_injection.NO_FAULT,
        metavar="NAME",
        help="see below",
    )
    add("--supervised", action="store_true", help="JSON lines on stdout; ends when stdin does")
    arguments = parser.parse_args()
    if arguments.account and not ACCOUNT_PATTERN.fullmatch(arguments.account):
        parser.error("an account id is 32 hexadecimal digits (0-9, a-f)")
    return arguments


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # After a crash the port can be taken again at once. On Windows the option would mean: share it.
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        told = error.strerror if isinstance(error, OSError) else "no such port"
        raise CannotStartError(
            f"port {port} cannot be used: {told}",
            "Another program, perhaps another twin, has it. End that one, or choose with --port (0: any free one).",
        ) from None
    return listener


def _card(path: Path) -> gguf_file.ModelFileInfo:
    try:
        return gguf_file.read_info(path)
    except gguf_file.NotGgufError:
        reason = f"not a GGUF model file: {path}"
    except OSError as error:
        reason = f"the model file cannot be read: {path}: {error.strerror}"
    raise CannotStartError(
        reason, "Name another file in PADDOCK_MODEL, or unset it to use the one that comes along."
    )


def _examples(base_url: str, account: str, token: str, model: str) -> str:
    return f"""
The twin is ready. It speaks the Workers AI REST API; Ctrl-C ends it.

  export CLOUDFLARE_BASE_URL={base_url}
  export CLOUDFLARE_ACCOUNT_ID={account}
  export CLOUDFLARE_API_TOKEN={token}

  curl {base_url}/accounts/{account}/ai/run/{model} \\
    -H "Authorization: Bearer {token}" \\
    -d '{{"messages": [{{"role": "user", "content": "Hello!"}}], "stream": true}}'
"""


def run(arguments: argparse.Namespace, voice: StartReporter, ended: threading.Event) -> int:
    """Fetches, loads, serves. Returns the exit code."""
    token = os.environ.pop("PADDOCK_TWIN_TOKEN", None)
    if token is not None and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise CannotStartError("PADDOCK_TWIN_TOKEN is no token", "Use letters, digits, - and _ only.")
    if token is None and arguments.supervised:
        raise CannotStartError("no token was given", "Set PADDOCK_TWIN_TOKEN in the environment of the twin.")
    token = token or secrets.token_urlsafe(30)  # 40 characters, as Cloudflare's are
    account = arguments.account or secrets.token_hex(16)
    listener = _listener(arguments.port)

    def progress(done: int, total: int) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        voice.report_download(done, total)

    path = weights.ensure_weights(progress)
    voice.report_state("loading")
    card = _card(path)
    trained = card.context_length or DEFAULT_CONTEXT
    context = int(arguments.context or min(trained, DEFAULT_CONTEXT))
    shelf = lora_finetunes.scan_adapters(path)
    for skipped in shelf.skipped:
        if (
            skipped.path.parent != lora_finetunes.SHIPPED_FOLDER
        ):  # that those do not fit a model of the user's own is no news
            print(f"Adapter {skipped.path.name} is left out: {skipped.reason}.", file=sys.stderr)
    engine = Engine(
        path,
        slots=arguments.slots,
        threads=arguments.threads,
        context=context,
        opening=card.bos_text,
        adapters=[adapter.path for adapter in shelf.adapters],
    )
    # A fault that breaks the connection off is no news to whoever asked for it.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in record.msg)
    try:
        model = default_model()
        options = TwinOptions(card, shelf, arguments.wire, arguments.fault)
        config = uvicorn.Config(
            build_app(engine, model, account, token, options),
            log_level="warning",
            access_log=False,
            http="h11",  # the same on every computer, whatever else is installed
            loop="asyncio",
            ws="none",
            lifespan="off",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=3,
        )
        served = TwinServer(config, engine)
        listener.listen(128)  # before "ready": whoever reads that connects at once
        base_url = f"http://{HOST}:{listener.getsockname()[1]}/client/v4"
        voice.report_state(
            "ready",
            base_url=base_url,
            account_id=account,
            model=SHIPPED_MODEL_NAME if weights.find_user_model() is None else card.name,
            file=path.name,
            context_window=context,
            pid=os.getpid(),
        )
        voice.print_text(_examples(base_url, account, token, model.id))

        def leave() -> None:
            ended.wait()
            served.should_exit = True

        threading.Thread(target=leave, daemon=True).start()
        served.run(sockets=[listener])
    finally:
        engine.close()
    return 0


def main() -> int:
    """The command."""
    arguments = _arguments()
    ended = threading.Event()
    out: TextIO = sys.stdout
    if arguments.supervised:
        # Whatever a native library prints goes to stderr: stdout carries the protocol alone.
        out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

        def watch() -> None:
            # The bare descriptor: a thread blocked in sys.stdin would abort the interpreter at its exit.
            with suppress(OSError):
                while os.read(0, 1024):
                    pass
            ended.set()

        threading.Thread(target=watch, daemon=True).start()
    voice = StartReporter(out, supervised=arguments.supervised)

    def asked_to_end(number: int, frame: object) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, asked_to_end)
    try:
        return run(arguments, voice, ended)
    except (CannotStartError, weights.WeightsError) as error:
        return voice.report_failure(error.reason, error.advice)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # the supervisor is gone
        return 0


if __name__ == "__main__":
    code = main()
    with suppress(OSError):
        sys.stdout.flush()
    # No wait for anything native: the engine is closed, and what is left has nothing to save.
    os._exit(code)
