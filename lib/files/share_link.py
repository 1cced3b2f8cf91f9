"""A set-up as text in an address: system prompt, settings and first message, compressed, with nothing on a server."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

from lib.errors import BadInput, PaddockError
from lib.files.answer_codec import read_features
from lib.files.value_codec import write_features
from lib.jsonkit.json_reader import Node
from lib.model.model_record import Model
from lib.model.request_options import PLAIN
from lib.model.settings import Settings, check

VERSION = 1
PARAMETER = "s"  # of the page's address
# What browsers, mail programs and chat services carry without cutting it.
MOST_CHARS = 6_000
# What a link may unfold to: far more than one that fits can hold, far less than would hurt.
_MOST_BYTES = 1_000_000


class TooLong(PaddockError):
    """The set-up does not fit a link."""

    title = "Too long for a link"


@dataclass(frozen=True)
class Setup:
    """What a link carries. ``text`` is the first message, empty where there is none."""

    system: str
    settings: Settings
    text: str


def encode(setup: Setup) -> str:
    """The set-up in letters, digits, "-" and "_". Raises TooLong."""
    body: dict[str, Any] = {
        "v": VERSION,
        "s": setup.system,
        "p": {setting.name: [setting.value, setting.sent] for setting in setup.settings.items},
        "t": setup.text,
    }
    if setup.settings.features != PLAIN:
        body["f"] = write_features(setup.settings.features)
    packed = zlib.compress(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"), 9
    )
    text = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    if len(text) > MOST_CHARS:
        raise TooLong(
            f"The set-up takes {len(text):,} characters; a link holds {MOST_CHARS:,}.",
            advice="Save it as a file instead and send that.",
        )
    return text


def decode(text: str, model: Model) -> Setup:
    """The set-up in a link. Raises BadInput for whatever is no such text; nothing of it is taken then."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpack = zlib.decompressobj()
        raw = unpack.decompress(packed, _MOST_BYTES)
        if unpack.unconsumed_tail or not unpack.eof:
            raise ValueError
        body = json.loads(raw)
        system, given, first = body["s"], body["p"], body["t"]
        if body["v"] != VERSION or not isinstance(system, str) or not isinstance(first, str):
            raise ValueError
        features = read_features(Node(body["f"])) if "f" in body else PLAIN
        settings = replace(Settings.defaults(model), features=features)
        for setting in settings.items:
            if setting.name in given:
                value, sent = given[setting.name]
                check({setting.name: value}, model)
                value = model.parameter(setting.name).cast(value)
                settings = settings.put(replace(setting, value=value, sent=bool(sent)))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        binascii.Error,
        zlib.error,
        RecursionError,
        BadInput,
    ):
        raise BadInput(
            "The link is damaged, or made by another version.", advice="Ask for it again; copy all of it."
        ) from None
    return Setup(system, settings, first)
