"""Open a connection: directly or through a proxy, with TLS if it is wanted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import TypeAlias

from lib.api import transport
from lib.api.cancellation import CancelToken
from lib.api.environment_proxy import Proxy
from lib.api.proxy_tunnel import connect_through
from lib.api.tls_in_tls import TlsInTlsSocket

Socket: TypeAlias = socket.socket | TlsInTlsSocket


def open_connection(
    target: tuple[str, int],
    proxy: Proxy | None,
    context: ssl.SSLContext | None,
    timeouts: transport.Timeouts,
    cancel_token: CancelToken,
    connect_directly: Callable[[], socket.socket] | None = None,
) -> Socket:
    """Return a connection to the host and port, which the token closes if it is cancelled.

    ``context`` is TLS's, None for none. ``connect_directly`` connects if there is no proxy; by default to any of the
    host's addresses. Raises OSError, and Unreachable and TimedOut, which name the proxy.
    """
    if proxy is not None:
        connection = connect_through(
            proxy, target, timeouts, transport.trusted_context, cancel_token.watch_socket
        )
    elif connect_directly is not None:
        connection = connect_directly()
    else:
        connection = socket.create_connection(target, timeouts.connect)
    try:
        if proxy is None:
            cancel_token.watch_socket(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            return connection
        if isinstance(connection, ssl.SSLSocket):
            return TlsInTlsSocket(connection, context, target[0])
        return context.wrap_socket(connection, server_hostname=target[0])
    except BaseException:
        connection.close()
        raise
