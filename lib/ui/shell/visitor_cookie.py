"""The visitor's cookie, a random id that the server signed and no script can read, and the owner of a session."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

import streamlit as st
from itsdangerous import BadSignature, Signer

COOKIE_NAME = "paddock_visitor"
LOCAL_OWNER = "local"
# The front door writes the owner into this header of a request, and removes what a browser sent under that name.
OWNER_HEADER = "x-paddock-owner"
_KEY_FILE = "visitor-key"
_KEY_BYTES, _ID_BYTES = 32, 24
_YEAR = 365 * 24 * 3600  # seconds

_log = logging.getLogger(__name__)


class VisitorCookies:
    """Makes visitor cookies and checks them, with a key that is made once and kept in the data folder."""

    def __init__(self, key: bytes) -> None:
        self._signer = Signer(key, salt=COOKIE_NAME, digest_method=hashlib.sha256)

    def read(self, headers: list[str]) -> str | None:
        """Return the visitor's id from the request's Cookie headers; None without one that this server signed."""
        for header in headers:
            with contextlib.suppress(CookieError, BadSignature):
                morsel = SimpleCookie(header).get(COOKIE_NAME)
                if morsel is not None:
                    return self._signer.unsign(morsel.value).decode()
        return None

    def make(self, path: str, *, secure: bool) -> str:
        """Return the Set-Cookie header of a new visitor. ``path`` is the page's base path."""
        value = self._signer.sign(secrets.token_urlsafe(_ID_BYTES)).decode()
        attributes = f"Path={path}; Max-Age={_YEAR}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        return f"{COOKIE_NAME}={value}; {attributes}"


def visitor_owner(visitor_id: str) -> str:
    """Return the owner for a visitor's id: its hash, for the id itself would let a reader of the database in."""
    return f"visitor:{hashlib.sha256(visitor_id.encode()).hexdigest()}"


def load_key(folder: Path) -> bytes:
    """Return the key in the folder, which is made if there is none.

    If the folder cannot be used, the key is for this process alone: visitors get a new id when it starts again.
    """
    try:
        return _load_key(folder / _KEY_FILE)
    except OSError as error:
        _log.warning("The key of visitors' cookies cannot be kept: %s", error)
        return secrets.token_bytes(_KEY_BYTES)


def _load_key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another server may make it at the same time: the first whole file counts.
        draft = path.with_name(f"{_KEY_FILE}.{secrets.token_hex(8)}")
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            _name(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:  # anybody could sign with an empty one
        raise OSError(f"{path} is damaged")
    return key


def _name(draft: Path, path: Path) -> None:
    """Give the file its name, unless there is one of that name."""
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        os.replace(draft, path)


def _request_owner() -> str | None:
    return st.context.headers.get(OWNER_HEADER)


def current_owner() -> str:
    """Return the owner of the conversations that this browser sees.

    The owner is the signed-in user, else whom the front door took the request for: a browser on this machine, or a
    visitor by their cookie; else this session alone.
    """
    if st.user.get("is_logged_in"):
        return f"user:{st.user.get('email') or st.user.get('sub')}"
    if owner := _request_owner():
        return owner
    return str(st.session_state.setdefault("visitor", f"session:{secrets.token_hex(16)}"))
