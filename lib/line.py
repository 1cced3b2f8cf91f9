"""Line: one connection to a backend that is kept open from request to request: for those who send hundreds."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from lib.backend import Backend
from lib.stop import Stop
from lib.transport import Timeouts, headers, set_up, verify

# A connection that rested longer is not used again: the server may be closing it just now.
IDLE_SECONDS = 15.0


class Line:
    """For one thread at a time; the same wire as the client's.

    It is httpx's own transport without the client around it, which takes longer than all else that a request needs:
    cookies, redirects and sessions are nothing to this API. Where the server has closed the connection meanwhile,
    that is seen before anything is sent, and another one is opened. Whatever breaks later is an error: the request
    may have arrived then, and is not sent again from here.

    ``stop`` ends what is on its way at once, and the line with it. ``sent``: of the last request at least a part has
    left, so that it may have been paid. Raises Unreachable where this machine's set-up forbids a connection.
    """

    def __init__(self, timeouts: Timeouts, backend: Backend) -> None:
        self.stop = Stop()
        self.sent = False
        self.timeouts = timeouts
        self.backend = backend
        with set_up():
            self._transport = httpx.HTTPTransport(
                verify=verify(backend),
                trust_env=False,
                proxy=_proxy(backend),
                limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SECONDS),
            )
            self._base = httpx.URL(f"{backend.base_url}/accounts/{backend.account_id}/ai/run/")
        host = self._base.netloc.decode("ascii")
        kind = "application/json"
        self._urls: dict[str, httpx.URL] = {}  # reading one takes as long as sending it
        self._headers = httpx.Headers(
            {"host": host, "accept": "*/*", **headers(backend), "content-type": kind}
        )

    def post(self, model: str, body: bytes) -> httpx.Response:
        """The head of the response; its body is still to be read, and the response to be closed."""
        timeout = {
            "connect": self.timeouts.connect, "read": self.timeouts.first_byte,
            "write": self.timeouts.connect, "pool": self.timeouts.connect,
        }  # fmt: skip
        self.sent = False
        if (url := self._urls.get(model)) is None:
            url = self._urls[model] = httpx.URL(f"{self._base}{model}")
        request = httpx.Request(
            "POST", url, headers=self._headers, content=body,
            extensions={"timeout": timeout, "trace": self._trace},
        )  # fmt: skip
        response = self._transport.handle_request(request)
        # httpcore reads the timeout anew when the body begins: from here on it is the one for silence.
        timeout["read"] = self.timeouts.silence
        response.request = request
        return response

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()
        self.stop.release()

    def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name == "http11.send_request_headers.started":
            self.sent = True
        else:
            self.stop.trace(name, info)


def _proxy(backend: Backend) -> str | None:
    """The proxy that the environment names for the backend's address, as httpx's client would find it."""
    address = urlsplit(backend.base_url)
    if backend.on_this_machine or urllib.request.proxy_bypass(address.hostname or ""):
        return None
    proxies: Mapping[str, Any] = urllib.request.getproxies()
    found = proxies.get(address.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found
