"""The security headers of every response."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

import streamlit as st

from lib.ui.shell import server_address
from lib.ui.shell.access_rules import AccessRules

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# What the page never asks a browser for.
_PERMISSIONS = (
    "camera",
    "display-capture",
    "geolocation",
    "hid",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)


def security_headers(rules: AccessRules, *, is_trustworthy: bool) -> list[tuple[bytes, bytes]]:
    """Return the headers, names in lower case.

    ``is_trustworthy`` tells if browsers trust the page's origin: it is encrypted, or on the browser's own machine.
    """
    headers = {
        "content-security-policy": "; ".join(
            f"{name} {value}" for name, value in _content_security_policy(rules).items()
        ),
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": ", ".join(f"{name}=()" for name in _PERMISSIONS),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    if is_trustworthy:  # elsewhere browsers ignore it, and complain
        headers["cross-origin-opener-policy"] = "same-origin"
    if not rules.embedders:  # it has no list of origins; browsers that know frame-ancestors ignore it
        headers["x-frame-options"] = "SAMEORIGIN"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _content_security_policy(rules: AccessRules) -> dict[str, str]:
    """Return the policy's directives. It is a second defence beside lib.ui.widgets.model_text.

    A script, image or form that slips through there is not run, fetched or sent.
    """
    return {
        "default-src": "'self'",
        # The page has two scripts inline, allowed by their hashes. Streamlit loads a component's script from a blob.
        "script-src": " ".join(("'self'", *_inline_script_hashes(), "blob:")),
        "worker-src": "'self' blob:",  # the editor of tables draws in a worker
        "style-src": "'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
        "font-src": "'self' data:",
        "img-src": "'self' data: blob:",  # icons and charts
        "media-src": "'self' data: blob:",
        "frame-src": "'self' data: blob:",
        "connect-src": "'self' data: blob:",  # downloads are made in the page
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(("'self'", *rules.embedders)),
    }


@cache
def _inline_script_hashes() -> tuple[str, ...]:
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8")) if page.is_file() else []
    return tuple(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in (*scripts, server_address.SCRIPT)
    )
