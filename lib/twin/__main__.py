"""Start the twin: ``python -m lib.twin``. With ``--supervised`` it reports its state in JSON lines on stdout."""

from __future__ import annotations

import argparse
import logging
import os
import re
import secrets
import signal
import socket
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

import uvicorn
from starlette.applications import Starlette

from lib.errors import PaddockError
from lib.local_models import terminal
from lib.local_models.model_sizes import find_source
from lib.local_models.model_source import ModelSource, RemoteModel
from lib.model.model_record import DEFAULT_MODEL_ID, default_model
from lib.twin import fault_injection, weights, wire_variants
from lib.twin.app import TwinOptions, build_app
from lib.twin.auth import ACCOUNT_PATTERN
from lib.twin.engine_errors import CannotStartError
from lib.twin.engine_pool import EnginePool
from lib.twin.http_protocol import TwinProtocol
from lib.twin.model_setup import EngineOptions, choose_setup, load_model
from lib.twin.served_models import ServedModels, check_served_id, licence_mark
from lib.twin.start_reporter import StartReporter

# Never another address: everybody who reaches the twin may use this computer's processor.
HOST = "127.0.0.1"
# A twin that is to finish ends after so many looks, a tenth of a second apart, that show no request.
IDLE_LOOKS = 10


class TwinServer(uvicorn.Server):
    """uvicorn that stops the running generations before it waits for their answers to end."""

    def __init__(self, config: uvicorn.Config, pool: EnginePool) -> None:
        super().__init__(config)
        self.pool = pool

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.pool.stop()
        await super().shutdown(sockets)


def _at_least(minimum: int) -> Callable[[str], int]:
    """Return an argument type: a whole number of at least this minimum."""

    def parse(text: str) -> int:
        if (number := int(text)) < minimum:
            raise argparse.ArgumentTypeError(f"must be at least {minimum}")
        return number

    # argparse writes this name in "invalid number value".
    parse.__name__ = "number"
    return parse


def _text_checked_by(check: Callable[[str], object]) -> Callable[[str], str]:
    """Return an argument type: any text for which ``check`` raises no ValueError."""

    def parse(text: str) -> str:
        try:
            check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return parse


def _help_tables() -> str:
    lines = [f"The shapes of answers, for --wire and the header {wire_variants.HEADER}:"]
    lines += [f"  {name:14}{variant.description}" for name, variant in wire_variants.VARIANTS.items()]
    lines += ["", f"Faults, for --fault and the header {fault_injection.HEADER}:"]
    lines += [f"  {name:14}{kind.description}" for name, kind in fault_injection.FAULTS.items()]
    lines += ["", *textwrap.wrap(f"A fault is asked for as {fault_injection.FAULT_SYNTAX}.")]
    return "\n".join(lines)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lib.twin",
        description="The Workers AI API on this computer.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_help_tables(),
    )
    add = parser.add_argument
    add("--model", metavar="MODEL", help="an id of --list-models, a GGUF file, or an https address of one")
    add(
        "--as",
        dest="served_as",
        metavar="ID",
        action="append",
        type=_text_checked_by(check_served_id),
        default=[],
        help=f"the id of a Cloudflare model that MODEL answers for, besides {DEFAULT_MODEL_ID}; may be repeated",
    )
    add("--list-models", action="store_true", help="list the models that there are, and end")
    add("--accept-licence", action="store_true", help="accept the licence of the model")
    add("--port", type=_at_least(0), default=8787, help="default 8787; 0 takes any free one")
    account, context = os.environ.get("PADDOCK_TWIN_ACCOUNT"), os.environ.get("PADDOCK_CONTEXT")
    add("--account", default=account, help="32 hexadecimal digits; else made anew")
    add("--slots", type=_at_least(1), help="answers at a time (default: 2 to 4, by memory and cores)")
    # One core stays free: with all of them, the engine's waiting threads slow down everything, itself too.
    cores = os.cpu_count() or 2
    add("--threads", type=_at_least(1), default=max(1, cores - 1), help="default: all cores but one")
    add("--context", type=_at_least(64), default=context, help="tokens a slot")
    for option, check, default in (
        ("--wire", wire_variants.find_variant, wire_variants.DEFAULT_VARIANT),
        ("--fault", fault_injection.parse_fault, fault_injection.NO_FAULT),
    ):
        add(option, type=_text_checked_by(check), default=default, metavar="NAME", help="see below")
    add("--supervised", action="store_true", help="JSON lines on stdout; ends when stdin does")
    arguments = parser.parse_args()
    if arguments.account and not ACCOUNT_PATTERN.fullmatch(arguments.account):
        parser.error("an account id is 32 hexadecimal digits (0-9, a-f)")
    return arguments


def _bind(port: int) -> socket.socket:
    """Return a socket that has the port but does not listen yet. Raises CannotStartError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # After a crash the port can be reused at once. On Windows the option would allow two processes to share it.
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no such port"
        raise CannotStartError(
            f"port {port} cannot be used: {reason}",
            "Another program, perhaps another twin, uses it. End it, or choose a port with --port (0: any).",
        ) from None
    return listener


def _take_token(*, supervised: bool) -> str:
    """Take the API token out of the environment, or make one. Raises CannotStartError."""
    token = os.environ.pop("PADDOCK_TWIN_TOKEN", None)
    if token is not None and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise CannotStartError("PADDOCK_TWIN_TOKEN is no token", "Use letters, digits, - and _ only.")
    if token is None and supervised:
        raise CannotStartError("no token was given", "Set PADDOCK_TWIN_TOKEN in the environment of the twin.")
    # 40 characters, as Cloudflare's have.
    return token or secrets.token_urlsafe(30)


def _ids_from_environment() -> list[str]:
    """Return the ids of Cloudflare models that PADDOCK_SERVE_AS names. Raises CannotStartError."""
    try:
        return [check_served_id(id) for id in (os.environ.get("PADDOCK_SERVE_AS") or "").split()]
    except ValueError as error:
        raise CannotStartError(
            f"PADDOCK_SERVE_AS (--as) names no model: {error}", "Correct it, or leave it out."
        ) from None


def _choose_source(arguments: argparse.Namespace) -> ModelSource:
    """Return the model that the user wants, once its licence is accepted. Raises CannotStartError."""
    try:
        if not arguments.model:
            return weights.source_from_environment()
        source = find_source(arguments.model)
        if not arguments.supervised:
            terminal.require_licence(source, accepts=arguments.accept_licence)
        return source
    except PaddockError as error:
        raise CannotStartError(error.message, error.advice) from None


def _download_weights(
    source: ModelSource, reporter: StartReporter, ended: threading.Event, *, may_download: bool
) -> weights.ChosenModel:
    """Return the model file, after its download if it is not there yet. Raises WeightsError, KeyboardInterrupt."""
    line = terminal.DownloadLine(source) if isinstance(source, RemoteModel) else None

    def report_or_stop(done: int, total: int) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        if line is None:
            reporter.report_download(done, total)
        else:
            line.report(done, total)

    return weights.ensure_model(source, report_or_stop, may_download=may_download)


@dataclass(frozen=True)
class EndSignals:
    """``ended``: end at once. ``finishing``: end as soon as no request is answered."""

    ended: threading.Event = field(default_factory=threading.Event)
    finishing: threading.Event = field(default_factory=threading.Event)


def _serve(app: Starlette, pool: EnginePool, listener: socket.socket, signals: EndSignals) -> None:
    """Answer requests until a signal arrives."""
    # An injected fault that breaks the connection is no news to the user who asked for it.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in record.msg)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        # The same on every computer, whatever else is installed.
        http=TwinProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=3,
    )
    server = TwinServer(config, pool)

    def exit_when_ended() -> None:
        signals.ended.wait()
        server.should_exit = True

    def exit_when_idle() -> None:
        signals.finishing.wait()
        idle_looks = 0
        # A request may arrive between two others of one client.
        while idle_looks < IDLE_LOOKS and not signals.ended.wait(0.1):
            idle_looks = 0 if server.server_state.tasks else idle_looks + 1
        signals.ended.set()

    for wait in (exit_when_ended, exit_when_idle):
        threading.Thread(target=wait, daemon=True).start()
    server.run(sockets=[listener])


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


def start(arguments: argparse.Namespace, reporter: StartReporter, signals: EndSignals) -> None:
    """Download the weights, load the model, and serve until a signal arrives. Raises CannotStartError."""
    token = _take_token(supervised=arguments.supervised)
    account = arguments.account or secrets.token_hex(16)
    listener = _bind(arguments.port)
    source = _choose_source(arguments)
    # A supervised twin does not get the user's token for the hub.
    chosen = _download_weights(source, reporter, signals.ended, may_download=not arguments.supervised)
    reporter.report_state("loading")
    context = None if arguments.context is None else int(arguments.context)
    engine_options = EngineOptions(arguments.threads, arguments.slots, context)
    setup = choose_setup(chosen.path, engine_options, source)
    name, mark = chosen.name or setup.file.name, licence_mark(setup)
    ids = list(dict.fromkeys([DEFAULT_MODEL_ID, *_ids_from_environment(), *arguments.served_as]))
    models, pool = ServedModels(setup, name, engine_options, ids), EnginePool()
    pool.add(load_model(setup))
    try:
        options = TwinOptions(arguments.wire, arguments.fault)
        app = build_app(models, pool, account, token, options)
        # Before "ready", because clients connect at once.
        listener.listen(128)
        base_url = f"http://{HOST}:{listener.getsockname()[1]}/client/v4"
        reporter.report_state(
            "ready",
            base_url=base_url,
            account_id=account,
            model=name,
            file=setup.path.name,
            context_window=setup.context,
            pid=os.getpid(),
            mark=mark,
        )
        reporter.print_text(_examples(base_url, account, token, ids[-1]))
        if not arguments.supervised:
            reporter.print_text(_describe_models(models))
        if mark:
            reporter.print_text(mark)
        most_context = min(setup.file.context_length, default_model().context_window)
        if setup.context < most_context and not arguments.context:
            reporter.print_text(
                f"A prompt and its answer have room for {setup.context:,} tokens: for {most_context:,}, this "
                "computer has too little memory."
            )
        _serve(app, pool, listener, signals)
    finally:
        pool.close()


def _describe_models(models: ServedModels) -> str:
    """Return the ids that can be asked, with the names of their models."""
    served = models.list()
    width = max(len(model.model.id) for model in served)
    lines = [f"  {model.model.id:{width}}  {models.name_of(model)}" for model in served]
    return "\n".join(["It answers for these models:", "", *lines, ""])


def _separate_stdout() -> TextIO:
    """Return the real stdout for the protocol, and send what native libraries print to stderr."""
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return protocol


def _follow_stdin(signals: EndSignals) -> None:
    """Finish when anything comes from stdin, and end when it is closed, that is, when the supervisor has ended."""

    def watch() -> None:
        # Not sys.stdin: a thread that is blocked in it would abort the interpreter at exit.
        with suppress(OSError):
            while os.read(0, 1024):
                signals.finishing.set()
        signals.ended.set()

    threading.Thread(target=watch, daemon=True).start()


def _list_models() -> int:
    try:
        print(terminal.describe_models())
    except PaddockError as error:
        print(f"{error.message}\n{error.advice}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Run the command. Return its exit code."""
    arguments = _parse_arguments()
    if arguments.list_models:
        return _list_models()
    signals = EndSignals()
    out: TextIO = sys.stdout
    if arguments.supervised:
        out = _separate_stdout()
        _follow_stdin(signals)
    reporter = StartReporter(out, supervised=arguments.supervised)
    signal.signal(signal.SIGTERM, lambda number, frame: signals.ended.set())
    try:
        start(arguments, reporter, signals)
    except CannotStartError as error:
        return reporter.report_failure(error.reason, error.advice)
    except (KeyboardInterrupt, BrokenPipeError):
        # Ctrl-C, or the supervisor is gone.
        return 0
    return 0


if __name__ == "__main__":
    code = main()
    with suppress(OSError):
        sys.stdout.flush()
    # Without waiting for native threads: the engine is closed, and nothing is left to save.
    os._exit(code)
