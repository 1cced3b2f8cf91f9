"""Refuses WebSocket handshakes that cannot be read, such as those with a control character in a header.

uvicorn passes a handshake on to the websockets package, which reads it again, with limits of its own. If that fails,
uvicorn neither sends the refusal that the package has made nor closes the connection. The front door is not asked.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nX-Content-Type-Options: nosniff\r\n"
    b"Content-Length: 30\r\nConnection: close\r\n\r\nThe handshake cannot be read.\n"
)

_receive_data = WebSocketsSansIOProtocol.data_received


def refuse_unreadable_handshakes() -> None:
    """Make uvicorn answer such handshakes and close their connections, in the whole process."""
    # uvicorn has chosen its class when it loads an application, so the method is replaced and not the class.
    WebSocketsSansIOProtocol.data_received = _receive  # type: ignore[assignment,method-assign]


def _receive(protocol: WebSocketsSansIOProtocol, data: bytes) -> None:
    _receive_data(protocol, data)
    if protocol.conn.handshake_exc is None or protocol.handshake_initiated:
        return
    # The package has made a refusal of too long or too many headers only.
    protocol.transport.write(b"".join(protocol.conn.data_to_send()) or _BAD_REQUEST)
    protocol.transport.close()
