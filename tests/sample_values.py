"""Values that most tests need: a backend at a server's address, a client with short pauses, a request."""

from __future__ import annotations

from lib.api.backend import Backend, Secret
from lib.api.client import WorkersAI
from lib.api.request import Messages, Request, Turn, build_request
from lib.api.retries import RetryPolicy
from lib.api.transport import Timeouts
from lib.model import model_record

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "tokentokentoken_tokentokentoken_12345678"


def make_backend(url: str, token: str = TOKEN) -> Backend:
    return Backend("test", url, ACCOUNT, Secret(token), billed=True)


def make_client(
    *, connect: float = 5.0, first_byte: float = 10.0, silence: float = 10.0, attempts: int = 3
) -> WorkersAI:
    """Make a client that retries after hundredths of a second."""
    return WorkersAI(Timeouts(connect, first_byte, silence), RetryPolicy(attempts, pause=0.01, max_wait=2.0))


def make_request(text: str = "Hi", stream: bool = True, **parameters: float) -> Request:
    """Make a request of one message."""
    return build_request(
        model_record.default_model(), Messages((Turn("user", text),)), parameters, stream=stream
    )
