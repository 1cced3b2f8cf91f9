"""Share links: system prompt, settings and first message, compressed into the address. Nothing is stored."""

from __future__ import annotations

import base64
import ipaddress
import json
import zlib
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from lib.chat.prepared_messages import MAX_PREPARED_MESSAGES
from lib.errors import BadInput, PaddockError
from lib.files.answer_codec import parse_features, parse_name, parse_scalar
from lib.files.value_codec import write_features
from lib.jsonkit.json_reader import Node
from lib.jsonkit.surrogates import encode_utf8
from lib.model.catalogue_entry import is_model_id
from lib.model.model_record import DEFAULT_MODEL_ID, Model
from lib.model.request_options import DEFAULT_FEATURES, Features
from lib.model.settings import Setting, Settings, check_parameters

VERSION = 1
QUERY_PARAMETER = "s"  # in the page's address
# Browsers, mail programs and chat services transmit this many without cutting the link.
MAX_LINK_CHARS = 6_000
# Far more than an honest link decompresses to, far less than would fill the memory.
_MAX_UNPACKED_BYTES = 1_000_000


class LinkTooLong(PaddockError):
    """The settings and texts do not fit a link."""

    title = "Too long for a link"


@dataclass(frozen=True)
class SharedSetup:
    """The content of a link. ``first_message`` may be empty; ``prepared_messages`` are to be sent one by one."""

    system: str
    settings: Settings
    first_message: str
    prepared_messages: tuple[str, ...] = ()


def encode_link(setup: SharedSetup) -> str:
    """Return the link's text in letters, digits, "-" and "_". Raise LinkTooLong if it is too long."""
    body: dict[str, Any] = {
        "v": VERSION,
        "s": setup.system,
        "p": {setting.name: [setting.value, setting.is_sent] for setting in setup.settings.items},
        "t": setup.first_message,
    }
    if setup.settings.model != DEFAULT_MODEL_ID:
        body["o"] = setup.settings.model
    if setup.settings.features != DEFAULT_FEATURES:
        body["f"] = write_features(setup.settings.features)
    if setup.prepared_messages:
        body["m"] = setup.prepared_messages
    packed = zlib.compress(encode_utf8(json.dumps(body, ensure_ascii=False, separators=(",", ":"))), 9)
    text = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    if len(text) > MAX_LINK_CHARS:
        raise LinkTooLong(
            f"The set-up has {len(text):,} characters; a link has room for {MAX_LINK_CHARS:,}.",
            advice="Save it as a file instead, and send the file.",
        )
    return text


class Reach(Enum):
    """The browsers that can open an address."""

    THIS_COMPUTER = "this computer"
    THIS_NETWORK = "this network"
    ANYWHERE = "anywhere"


# Names that only this computer, or only this network, can resolve.
_LOCAL_NAMES = {"localhost": Reach.THIS_COMPUTER, "local": Reach.THIS_NETWORK, "internal": Reach.THIS_NETWORK}


def address_reach(url: str) -> Reach:
    """Return how far away the page's address can be opened, as far as its host tells."""
    host = (urlsplit(url).hostname or "localhost").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if "." not in host:
            return _LOCAL_NAMES.get(host, Reach.THIS_NETWORK)
        return _LOCAL_NAMES.get(host.rpartition(".")[2], Reach.ANYWHERE)
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_unspecified:
        return Reach.THIS_COMPUTER
    return Reach.ANYWHERE if address.is_global else Reach.THIS_NETWORK


def decode_link(text: str, model: Model) -> SharedSetup:
    """Return the content of a link. Raise BadInput if any part of it is not valid."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpack = zlib.decompressobj()
        raw = unpack.decompress(packed, _MAX_UNPACKED_BYTES)
        if unpack.unconsumed_tail or not unpack.eof:
            raise ValueError
        body = json.loads(raw)
        system, given, first = body["s"], body["p"], body["t"]
        if body["v"] != VERSION or not isinstance(system, str) or not isinstance(first, str):
            raise ValueError
        features = parse_features(Node(body["f"])) if "f" in body else DEFAULT_FEATURES
        messages = tuple(message.text() for message in Node(body.get("m", [])).items())
        prepared = messages[:MAX_PREPARED_MESSAGES]
        settings = replace(Settings.defaults(model), features=features)
        if "o" in body:
            settings = _read_other_settings(Node(body), features)
        for setting in settings.items if settings.model == model.id else ():
            if setting.name in given:
                value, sent = given[setting.name]
                check_parameters({setting.name: value}, model)
                value = model.parameter(setting.name).cast_value(value)
                settings = settings.with_setting(replace(setting, value=value, is_sent=bool(sent)))
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error, RecursionError, BadInput):
        message = "The link is damaged, or made by another version."
        raise BadInput(message, advice="Ask for the link again, and copy all of it.") from None
    return SharedSetup(system, settings, first, prepared)


def _read_other_settings(body: Node, features: Features) -> Settings:
    """Return settings of another model than the default, whose bounds may not be known here. Raise BadInput."""
    id = parse_name(body["o"])
    if not is_model_id(id):
        raise body["o"].error("is no ID of a model")
    items = []
    for name, pair in body["p"].fields():
        value, is_sent = pair.items()
        items.append(Setting(name, parse_scalar(value), bool(is_sent.value)))
    return Settings(tuple(items), features, id)
