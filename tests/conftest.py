"""Settings for all tests: a clean environment, no deadlines, and a TLS certificate."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lib.api import transport

# No deadlines: a slow machine must not make a test fail.
settings.register_profile("paddock", deadline=None)
settings.load_profile("paddock")

# Self-signed for 127.0.0.1 and valid for a hundred years; its key protects nothing.
CERTIFICATE = Path(__file__).with_name("certificate.pem")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass by the modules and the list of tests, which live until the end.

    They are half a million objects, and Streamlit collects after each run of a page.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's proxies and credentials from the environment."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("CLOUDFLARE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def tls() -> ssl.SSLContext:
    """Return the server's side of TLS, with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the client trust that certificate and no other."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    transport._trusted_context.cache_clear()
    yield
    transport._trusted_context.cache_clear()
