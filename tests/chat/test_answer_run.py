"""An answer run: endings, kept text, usage, timings, and watchers that miss nothing."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from lib.api.client import WorkersAI
from lib.api.events import Finished, ReasoningDelta, TextDelta
from lib.chat.answer import Answer, Ending
from lib.chat.answer_accumulator import AnswerAccumulator
from lib.chat.answer_run import AnswerRun
from lib.errors import CutOff, InvalidRequest, NoCapacity, PaddockError, TimedOut
from lib.model import model_record
from lib.model.usage import Usage
from tests import sample_values
from tests.scripted_server import (
    DONE,
    TIMEOUT,
    Peer,
    ReceivedRequest,
    ScriptedServer,
    encode_events,
    refuses,
    response_head,
    sends,
    sends_then_resets,
    sends_then_waits,
    streams,
    text_events,
    usage_event,
)

MODEL = model_record.default_model()


def start_run(
    server: ScriptedServer,
    on_end: Callable[[Answer], None] = lambda answer: None,
    client: WorkersAI | None = None,
    window: int | None = None,
    **parameters: float,
) -> AnswerRun:
    backend = replace(sample_values.make_backend(server.url), context_window=window)
    return AnswerRun(
        client or sample_values.make_client(),
        backend,
        MODEL,
        sample_values.make_request(**parameters),
        on_end,
    ).start()


def run_to_end(server: ScriptedServer, **options: object) -> Answer:
    run = start_run(server, **options)  # type: ignore[arg-type]
    run.join(TIMEOUT)
    assert not run.is_running
    assert run.text == run.answer.text == "".join(run.parts)
    return run.answer


@pytest.mark.parametrize(
    ("completion", "parameters", "ending"),
    [
        (3, {}, Ending.FINISHED),
        (255, {}, Ending.FINISHED),
        (256, {}, Ending.LENGTH),  # the documented default, because no limit was sent
        (99, {"max_tokens": 100}, Ending.FINISHED),
        (100, {"max_tokens": 100}, Ending.LENGTH),
        (256, {"max_tokens": 1000}, Ending.FINISHED),
    ],
)
def test_length_is_known_by_the_usage(completion: int, parameters: dict[str, float], ending: Ending) -> None:
    with ScriptedServer(streams("Hi", " there", counts=(10, completion))) as server:
        got = run_to_end(server, **parameters)
    assert (got.ending, got.text, got.error) == (ending, "Hi there", None)
    assert got.usage == Usage(10, completion)


@pytest.mark.parametrize(
    ("window", "ending"), [(60, Ending.CONTEXT), (61, Ending.FINISHED), (None, Ending.FINISHED)]
)
def test_full_window(window: int | None, ending: Ending) -> None:
    with ScriptedServer(streams("Hi", counts=(50, 10))) as server:
        assert run_to_end(server, window=window).ending is ending


def test_the_models_own_window_counts_where_the_backend_names_none() -> None:
    with ScriptedServer(streams("Hi", counts=(MODEL.context_window - 10, 10))) as server:
        assert run_to_end(server).ending is Ending.CONTEXT


@pytest.mark.parametrize(("reason", "ending"), [("stop", Ending.FINISHED), ("length", Ending.LENGTH)])
@pytest.mark.parametrize("counted", [True, False])
def test_reason_on_the_wire(reason: str, ending: Ending, counted: bool) -> None:
    chunks = encode_events(
        {"choices": [{"delta": {"content": "Hi"}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": ""}, "finish_reason": reason}]},
    )
    with ScriptedServer(
        sends(response_head(), chunks, usage_event(5, 1) if counted else b"", DONE)
    ) as server:
        got = run_to_end(server)
    assert (got.ending, got.text) == (ending, "Hi")
    assert got.usage is not None
    assert got.usage.estimated is not counted


def test_the_last_usage_counts() -> None:
    increments = encode_events(
        *({"response": "x", "usage": {"prompt_tokens": 7, "completion_tokens": 1}},) * 5
    )
    last = {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "neurons": 0.25,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    with ScriptedServer(
        sends(response_head(), increments, encode_events({"response": "", "usage": last}), DONE)
    ) as server:
        assert run_to_end(server).usage == Usage(7, 5, 4, Decimal("0.25"))


def test_usage_that_may_be_an_increment_is_not_trusted() -> None:
    """The connection breaks between the finish reason and [DONE]: the text is complete, the usage may not be."""
    chunks = encode_events(
        {
            "choices": [{"delta": {"content": "Hello there"}, "finish_reason": None}],
            "usage": {"completion_tokens": 1},
        },
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    )
    with ScriptedServer(sends_then_resets(response_head(), chunks)) as server:
        got = run_to_end(server)
    assert got.ending is Ending.FINISHED
    assert got.usage is not None
    assert got.usage.estimated
    assert got.usage.completion_tokens == 3


def test_usage_is_estimated_and_marked_where_none_came() -> None:
    with ScriptedServer(sends(response_head(), text_events("eight by", "tes more"), DONE)) as server:
        got = run_to_end(server)
    assert got.ending is Ending.FINISHED
    assert got.usage == Usage(got.request.estimated_prompt_tokens(), 4, estimated=True)


def test_cut_off() -> None:
    with ScriptedServer(sends(response_head(), text_events("Hello"), usage_event(5, 5))) as server:
        got = run_to_end(server)
    assert (got.ending, got.text, type(got.error)) == (Ending.CUT_OFF, "Hello", CutOff)
    assert got.usage is not None
    assert got.usage.estimated


def test_error_before_the_first_text() -> None:
    with ScriptedServer(refuses(400, 5006, "AiError: Bad input: '/top_k' must be <= 50")) as server:
        got = run_to_end(server)
    assert (got.ending, got.text, got.usage, got.timings.first_token) == (Ending.ERROR, "", None, None)
    assert isinstance(got.error, InvalidRequest)
    assert got.error.code == 5006


def test_error_within_the_answer() -> None:
    with ScriptedServer(
        sends(
            response_head(), text_events("Hello"), encode_events({"error": {"code": 3040, "message": "full"}})
        )
    ) as server:
        got = run_to_end(server)
    assert (got.ending, got.text, type(got.error)) == (Ending.ERROR, "Hello", NoCapacity)


def test_silence() -> None:
    with ScriptedServer(sends_then_waits(response_head(), text_events("Hello"))) as server:
        got = run_to_end(server, client=sample_values.make_client(silence=0.2))
    assert (got.ending, got.text, type(got.error)) == (Ending.ERROR, "Hello", TimedOut)


@pytest.mark.parametrize("said", [b"", response_head(), response_head() + text_events("Hello")])
def test_stopped(said: bytes) -> None:
    with ScriptedServer(sends_then_waits(said)) as server:
        run = start_run(server)
        assert server.arrived.acquire(timeout=TIMEOUT)
        if b"Hello" in said:
            assert "Hello" in run.follow(0.0)  # waits until the text arrives
        run.stop()
        run.stop()
        run.join(TIMEOUT)
        assert not run.is_running
        assert server.peers[0].gone.wait(TIMEOUT)
    got = run.answer
    assert (got.ending, got.error) == (Ending.STOPPED, None)
    assert got.text == ("Hello" if b"Hello" in said else "")
    assert (got.usage is not None and got.usage.estimated) == bool(got.text)


def test_stopped_before_it_is_sent() -> None:
    with ScriptedServer(streams("Hi")) as server:
        run = AnswerRun(
            sample_values.make_client(),
            sample_values.make_backend(server.url),
            MODEL,
            sample_values.make_request(),
            lambda answer: None,
        )
        run.stop()
        run.start().join(TIMEOUT)
        assert run.answer.ending is Ending.STOPPED
    assert not server.requests


def test_a_fault_of_ours_keeps_the_text() -> None:
    class Faulty(WorkersAI):
        def stream(self, *args: object, **options: object):  # type: ignore[no-untyped-def,override]
            yield from itertools.islice(super().stream(*args, **options), 1)  # type: ignore[arg-type]
            raise ZeroDivisionError

    with ScriptedServer(streams("Hi")) as server:
        got = run_to_end(server, client=Faulty())
    assert (got.ending, got.text) == (Ending.ERROR, "Hi")
    assert got.error is not None
    assert "ZeroDivisionError" in got.error.message


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_at_the_end_leaves_nobody_waiting() -> None:
    def fails(answer: Answer) -> None:
        raise ZeroDivisionError

    with ScriptedServer(streams("Hi")) as server:
        run = start_run(server, fails)
        assert "".join(run.follow(0.0)) == "Hi"
        assert run.answer.text == "Hi"
        run.join(TIMEOUT)


def test_timings() -> None:
    """The clock moves one second with each call, so the test sees when it is read."""
    ticks = itertools.count()
    with ScriptedServer(streams("a", "b")) as server:
        run = AnswerRun(
            sample_values.make_client(),
            sample_values.make_backend(server.url),
            MODEL,
            sample_values.make_request(),
            lambda answer: None,
            clock=lambda: float(next(ticks)),
        )
        run.start().join(TIMEOUT)
    timings = run.answer.timings
    assert timings.first_token == 1.0
    assert timings.total == 2.0
    assert run.answer.tokens_per_second == 2.0  # 3 tokens: two after the first, in one second


def test_the_speed_counts_thoughts_over_the_time_in_which_they_came() -> None:
    """Thoughts are counted as tokens: over the time of the text alone, they made thousands a second."""
    times = iter((0.0, 1.0, 11.0))
    accumulator = AnswerAccumulator(
        sample_values.make_backend("http://127.0.0.1:1"),
        MODEL,
        sample_values.make_request(),
        lambda: next(times),
    )
    for event in (ReasoningDelta("Well"), TextDelta("Hi"), Usage(5, 101), Finished(None)):
        accumulator.add(event)
    answer = accumulator.build_answer()
    assert (answer.timings.first_token, answer.timings.total) == (1.0, 11.0)
    assert answer.tokens_per_second == 10.0


def test_waiting_for_a_retry_is_shown_and_over_with_the_text() -> None:
    go_on = threading.Event()

    def second(peer: Peer, _: ReceivedRequest) -> None:
        go_on.wait(TIMEOUT)
        peer.send(response_head(), text_events("Hi"), DONE)

    with ScriptedServer(refuses(429, 3040, "full"), second) as server:
        run = start_run(server)
        deadline = time.monotonic() + TIMEOUT
        while run.pending_retry is None and time.monotonic() < deadline:
            time.sleep(0.001)
        assert run.pending_retry is not None
        error, until = run.pending_retry
        assert isinstance(error, PaddockError)
        assert error.code == 3040
        assert until <= time.monotonic() + 1
        go_on.set()
        run.join(TIMEOUT)
    assert run.pending_retry is None
    assert run.text == "Hi"


def test_followers_miss_no_tail() -> None:
    """Repeat the race between the last text and the end, with watchers of different speeds."""
    words = [f"{number} " for number in range(20)]
    with ScriptedServer(streams(*words)) as server:
        for _ in range(60):
            run = start_run(server)
            seen: dict[int, str] = {}

            def watch(number: int, run: AnswerRun = run, seen: dict[int, str] = seen) -> None:
                seen[number] = "".join(run.follow(number / 10_000))

            watchers = [threading.Thread(target=watch, args=(number,)) for number in range(3)]
            for watcher in watchers:
                watcher.start()
            for watcher in watchers:
                watcher.join(TIMEOUT)
            assert seen == dict.fromkeys(range(3), "".join(words))


def test_the_tail_that_comes_with_the_end() -> None:
    """Force the worst moment: the last text arrives and the run ends while a watcher slices."""
    go_on = threading.Event()

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(response_head(), text_events("a"))
        go_on.wait(TIMEOUT)
        peer.send(text_events("b"), DONE)

    class Parts(list[str]):
        def __getitem__(self, key: object) -> object:  # type: ignore[override]
            sliced = super().__getitem__(key)  # type: ignore[call-overload]
            go_on.set()
            run.join(TIMEOUT)
            return sliced

    with ScriptedServer(script) as server:
        run = AnswerRun(
            sample_values.make_client(),
            sample_values.make_backend(server.url),
            MODEL,
            sample_values.make_request(),
            lambda answer: None,
        )
        run.parts = run._accumulator.parts = Parts()
        run.start()
        assert "".join(run.follow(0.0)) == "ab"


def test_a_follower_that_comes_late_gets_all_of_it() -> None:
    with ScriptedServer(streams("a", "b")) as server:
        run = start_run(server)
        run.join(TIMEOUT)
    assert "".join(run.follow(0.0)) == "ab"


def test_a_follower_of_silence_is_woken_to_draw() -> None:
    with ScriptedServer(sends_then_waits(response_head())) as server:
        run = start_run(server)
        assert list(itertools.islice(run.follow(0.0), 3)) == ["", "", ""]
        assert run.seconds > 0
        run.stop()
        assert list(run.follow(0.0))[-1] == ""
        run.join(TIMEOUT)


def test_the_answer_is_there_when_the_run_no_longer_runs() -> None:
    """on_end is called before the run counts as ended, so the conversation is complete then."""
    ended: list[Answer] = []
    with ScriptedServer(streams("Hi")) as server:
        for _ in range(20):
            run = start_run(server, ended.append)
            for _ in run.follow(0.0):
                pass
            assert ended[-1] is run.answer
