"""Each token is in its own header and nowhere else: not in errors, reprs, tracebacks or logs."""

from __future__ import annotations

import copy
import dataclasses
import gc
import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator

import pytest

from lib.api.backend import (
    Backend,
    Gateway,
    Secret,
    backend_from_environment,
    cloudflare_backend,
)
from lib.api.cancellation import CancelToken
from lib.chat.answer import Answer
from lib.chat.answer_run import AnswerRun
from lib.errors import BadInput, PaddockError
from lib.model.model_record import default_model
from tests import sample_values
from tests.scripted_server import (
    Peer,
    ReceivedRequest,
    ScriptedServer,
    response_head,
    sends,
    streams,
    text_events,
)

Make = Callable[[str], Backend]
# A part of the token would be as bad, so each part is searched for.
MARKS = ("hunter2hunter2", "swordfish")
GOOD = f"{MARKS[0]}-{MARKS[1]}"
BAD = [
    f"{MARKS[0]}\n{MARKS[1]}",
    f"{MARKS[0]}\r\nx-evil: {MARKS[1]}",
    f"{MARKS[0]}é{MARKS[1]}",
    f'"{MARKS[0]}{MARKS[1]}"',
    f"'{MARKS[0]}{MARKS[1]}'",
    f"{MARKS[0]} {MARKS[1]}",
    f"{MARKS[0]}\x00{MARKS[1]}",
    f"{MARKS[0]}\ud800{MARKS[1]}",
    f"Bearer {MARKS[0]}{MARKS[1]}",
]


def api_token_backend(url: str) -> Backend:
    return sample_values.make_backend(url, GOOD)


def gateway_token_backend(url: str) -> Backend:
    gateway = Gateway("my-gateway", token=Secret(GOOD))
    return dataclasses.replace(sample_values.make_backend(url), gateway=gateway)


# The token that is looked for is the API's, or the AI Gateway's own.
each_token = pytest.mark.parametrize("make_backend", [api_token_backend, gateway_token_backend])


def assert_clean(text: str) -> None:
    assert not any(mark in text for mark in MARKS), text


def describe_error(error: BaseException) -> str:
    """Return everything that an error, its causes and its traceback can show."""
    texts = ["".join(traceback.format_exception(error))]
    at: BaseException | None = error
    while at is not None:
        texts += [str(at), repr(at), repr(at.args), repr(vars(at))]
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "\n".join(texts)


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """Capture all logs at DEBUG, and check after each test that they are clean."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    assert_clean(stream.getvalue())


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__, ascii])
def test_masked(show: object) -> None:
    secret = Secret(GOOD)
    backends = [make("http://127.0.0.1") for make in (api_token_backend, gateway_token_backend)]
    for value in (secret, [secret], {"token": secret}, *backends, backends[1].gateway):
        assert_clean(show(value))  # type: ignore[operator]
    assert f"{secret}" == "Secret(•••)"
    assert secret.reveal() == GOOD
    assert not hasattr(secret, "__dict__")


def test_formatted_and_logged(log: io.StringIO) -> None:
    logging.getLogger("test").debug(
        "%s %r", Secret(GOOD), sample_values.make_backend("http://127.0.0.1", GOOD)
    )
    assert "Secret(•••)" in log.getvalue()
    with pytest.raises(TypeError) as failed:
        f"{Secret(GOOD):>80}"
    assert_clean(describe_error(failed.value))


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, dataclasses.asdict])
@each_token
def test_a_secret_cannot_be_serialised(write: object, make_backend: Make) -> None:
    backend = make_backend("http://127.0.0.1")
    token = backend.token if backend.gateway is None else backend.gateway.token
    value = backend if write is dataclasses.asdict else token
    with pytest.raises(TypeError) as failed:
        write(value)  # type: ignore[operator]
    assert_clean(describe_error(failed.value))


def test_comparison() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize("token", BAD, ids=range(len(BAD)))
def test_a_token_that_no_header_carries_is_refused_before_it_is_sent(token: str) -> None:
    for make in (
        lambda: sample_values.make_backend("http://127.0.0.1", token),
        lambda: cloudflare_backend(sample_values.ACCOUNT, token),
        lambda: backend_from_environment(
            {"CLOUDFLARE_ACCOUNT_ID": sample_values.ACCOUNT, "CLOUDFLARE_API_TOKEN": token}
        ),
        lambda: Gateway("g", token=Secret(token)),
        lambda: cloudflare_backend(
            sample_values.ACCOUNT, sample_values.TOKEN, gateway="g", gateway_token=token
        ),
    ):
        with pytest.raises(BadInput) as failed:
            make()
        assert_clean(describe_error(failed.value))
        assert failed.value.advice


@pytest.mark.parametrize("token", [f" {GOOD}\n", f"\t{GOOD}"])
def test_space_around_a_token_is_removed(token: str) -> None:
    backend = cloudflare_backend(sample_values.ACCOUNT, token, gateway="g", gateway_token=token)
    assert backend.token == Secret(GOOD)
    assert backend.gateway is not None
    assert backend.gateway.token == Secret(GOOD)


def sent_tokens(received: ReceivedRequest) -> str:
    """Return the headers that hold tokens."""
    return f"{received.headers['authorization']} {received.headers.get('cf-aig-authorization', '')}"


def echoes(peer: Peer, received: ReceivedRequest) -> None:
    """Send the received headers back as the message of an error."""
    sent = sent_tokens(received)
    peer.send(
        response_head(400, "application/json"),
        f'{{"errors":[{{"code":9106,"message":"Bad: {sent}"}}]}}'.encode(),
    )


def echoes_within(peer: Peer, received: ReceivedRequest) -> None:
    sent = sent_tokens(received)
    peer.send(
        response_head(), text_events("Hi"), f'data: {{"error":{{"message":"Bad: {sent}"}}}}\n\n'.encode()
    )


def echoes_in_its_head(peer: Peer, received: ReceivedRequest) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nbad header " + sent_tokens(received).encode() + b"\r\n\r\n")


def echoes_in_a_redirect(peer: Peer, received: ReceivedRequest) -> None:
    peer.send(response_head(302, location="https://[" + sent_tokens(received)))


FAILING = [
    echoes,
    echoes_within,
    echoes_in_its_head,
    echoes_in_a_redirect,
    sends(),
    sends(b"nonsense\r\n\r\n"),
    sends(response_head()),
    sends(response_head(502, "text/html"), b"<html>"),
    sends(response_head(302, location="https://x.example/")),
]


@pytest.mark.parametrize("script", FAILING, ids=range(len(FAILING)))
@each_token
def test_no_failure_shows_the_token(script: object, make_backend: Make, log: io.StringIO) -> None:
    with ScriptedServer(script) as server:  # type: ignore[arg-type]
        backend = make_backend(server.url)
        with pytest.raises(PaddockError) as failed:
            list(
                sample_values.make_client(attempts=2).stream(
                    backend, sample_values.make_request(), CancelToken()
                )
            )
        assert_clean(describe_error(failed.value))
        if script is not echoes_within:
            with pytest.raises(PaddockError) as failed:
                sample_values.make_client().check_credentials(backend)
            assert_clean(describe_error(failed.value))
        try:
            sample_values.make_client().check_gateway(backend)
        except PaddockError as error:
            assert_clean(describe_error(error))
    if script in (echoes_in_its_head, echoes_in_a_redirect):
        # httpcore logs received headers at DEBUG, but not the sent ones: here the server itself leaks the token.
        log.truncate(0)


@each_token
def test_success_does_not_log_the_token(make_backend: Make, log: io.StringIO) -> None:
    with ScriptedServer(streams("Hi")) as server:
        list(
            sample_values.make_client().stream(
                make_backend(server.url), sample_values.make_request(), CancelToken()
            )
        )
    assert "Dispatching message event" in log.getvalue(), "the libraries' own logs were looked at"


def run_to_end(backend: Backend) -> Answer:
    answers: list[Answer] = []
    run = AnswerRun(
        sample_values.make_client(), backend, default_model(), sample_values.make_request(), answers.append
    ).start()
    run.join(20)
    return answers[0]


@pytest.mark.parametrize("script", [sends(response_head(), text_events("Hi")), sends(b"nonsense\r\n\r\n")])
@each_token
def test_an_answer_holds_neither_the_token_nor_a_way_to_it(script: object, make_backend: Make) -> None:
    """Answers are kept, drawn and saved, so every object that they refer to is searched."""
    with ScriptedServer(script) as server:  # type: ignore[arg-type]
        answer = run_to_end(make_backend(server.url))
    assert answer.trace is not None
    assert_clean(repr(answer.trace.exchanges()))
    assert answer.error is not None
    assert_clean(repr(answer) + describe_error(answer.error))
    assert answer.error.__traceback__ is None
    assert answer.error.__context__ is None
    seen: set[int] = set()
    todo: list[object] = [answer.error]
    while todo:
        at = todo.pop()
        if id(at) in seen or isinstance(at, type):
            continue
        seen.add(id(at))
        assert not isinstance(at, Secret)
        if isinstance(at, (str, bytes)):
            assert GOOD not in (at if isinstance(at, str) else at.decode("latin-1"))
        todo += gc.get_referents(at)
