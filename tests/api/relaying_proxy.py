"""Proxies that connect a client to a server: HTTP's CONNECT, and SOCKS5."""

from __future__ import annotations

import select
import socket
import ssl

from tests.scripted_server import TIMEOUT, Peer, ReceivedRequest, Script

BLOCK = 65536


def relays_to(port: int) -> Script:
    """Return a script of an HTTP proxy whose tunnels all lead to this port."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as server:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(peer.connection, server)

    return script


def socks_relays_to(port: int, password: tuple[bytes, bytes] | None, asked: list[bytes]) -> Script:
    """Return a script of a SOCKS5 proxy; ``asked`` gets each address that a client wants."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        connection = peer.connection
        methods = read_exactly(connection, read_exactly(connection, 2)[1])
        method = 0 if password is None else 2
        peer.send(bytes((5, method if method in methods else 255)))
        if method not in methods:
            return
        if password is not None:
            user = read_exactly(connection, read_exactly(connection, 2)[1])
            secret = read_exactly(connection, read_exactly(connection, 1)[0])
            is_right = (user, secret) == password
            peer.send(b"\1" + (b"\0" if is_right else b"\1"))
            if not is_right:
                return
        kind = read_exactly(connection, 4)[3]
        size = {1: 4, 4: 16}.get(kind) or read_exactly(connection, 1)[0]
        asked.append(read_exactly(connection, size + 2))
        peer.send(b"\5\0\0\3\4name\0\1")
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as server:
            relay(connection, server)

    return script


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def relay(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes on in both directions until either side ends."""
    other = {client: server, server: client}
    while True:
        ready = [end for end in other if isinstance(end, ssl.SSLSocket) and end.pending()]
        for end in ready or select.select([client, server], [], [], TIMEOUT)[0]:
            data = end.recv(BLOCK)
            if not data:
                return
            other[end].sendall(data)
