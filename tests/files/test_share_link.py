"""A share link is encoded and decoded without loss; anything else is refused."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.files import share_link
from lib.files.share_link import Reach
from lib.model.model_record import default_model
from lib.model.settings import Settings

MODEL = default_model()


@st.composite
def setups(draw: st.DrawFn) -> share_link.SharedSetup:
    settings = Settings.defaults(MODEL)
    for parameter in MODEL.parameters:
        if draw(st.booleans()):
            most = parameter.maximum if parameter.maximum is not None else 60_000
            if parameter.kind == "integer":
                value: float = draw(st.integers(int(parameter.minimum), int(most)))
            else:
                value = draw(st.floats(float(parameter.minimum), float(most)))
            settings = settings.with_value(parameter.name, parameter.cast(value))
    settings = settings.with_features(reject_if_busy=draw(st.booleans()), raw=draw(st.booleans()))
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
    prepared = tuple(draw(st.lists(text, max_size=3)))
    return share_link.SharedSetup(draw(text), settings, draw(text), prepared)


@given(setups())
def test_what_goes_in_comes_out(setup: share_link.SharedSetup) -> None:
    text = share_link.encode_link(setup)
    assert share_link.decode_link(text, MODEL) == setup
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_more_prepared_messages_than_the_page_takes_are_left_out() -> None:
    setup = share_link.SharedSetup("", Settings.defaults(MODEL), "", ("a",) * 10_000)
    assert len(share_link.decode_link(share_link.encode_link(setup), MODEL).prepared_messages) == 50


def test_too_long() -> None:
    noise = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(9_000))
    with pytest.raises(share_link.LinkTooLong, match="6,000"):
        share_link.encode_link(share_link.SharedSetup(noise, Settings.defaults(MODEL), ""))


@given(st.text(max_size=300))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        share_link.decode_link(text, MODEL)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"v":1}',
        b'{"v":2,"s":"","p":{},"t":""}',
        b'{"v":1,"s":1,"p":{},"t":""}',
        b'{"v":1,"s":"","p":{"temperature":[99,true]},"t":""}',
        b'{"v":1,"s":"","p":{"temperature":["hot",true]},"t":""}',
        b'{"v":1,"s":"","p":{"temperature":[]},"t":""}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_damaged(body: bytes) -> None:
    packed = base64.urlsafe_b64encode(zlib.compress(body)).decode()
    with pytest.raises(BadInput):
        share_link.decode_link(packed, MODEL)


def test_cut_short() -> None:
    text = share_link.encode_link(share_link.SharedSetup("Be brief.", Settings.defaults(MODEL), "Hello"))
    for length in range(len(text)):
        with pytest.raises(BadInput):
            share_link.decode_link(text[:length], MODEL)


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("http://127.0.0.1:8501/", Reach.THIS_COMPUTER),
        ("http://127.8.8.8/", Reach.THIS_COMPUTER),
        ("http://localhost:8501/", Reach.THIS_COMPUTER),
        ("http://paddock.localhost/", Reach.THIS_COMPUTER),
        ("http://[::1]:8501/", Reach.THIS_COMPUTER),
        ("http://[::ffff:127.0.0.1]/", Reach.THIS_COMPUTER),
        ("http://0.0.0.0:8501/", Reach.THIS_COMPUTER),
        ("", Reach.THIS_COMPUTER),
        ("http://192.168.1.20:8501/", Reach.THIS_NETWORK),
        ("http://10.0.0.1/", Reach.THIS_NETWORK),
        ("http://[fe80::1]/", Reach.THIS_NETWORK),
        ("http://[fd00::1]/", Reach.THIS_NETWORK),
        ("http://office-pc:8501/", Reach.THIS_NETWORK),
        ("http://office-pc.local./", Reach.THIS_NETWORK),
        ("https://paddock.example.com/", Reach.ANYWHERE),
        ("http://8.8.8.8/", Reach.ANYWHERE),
        ("http://[2606:4700::1]/", Reach.ANYWHERE),
    ],
)
def test_how_far_an_address_reaches(url: str, reach: Reach) -> None:
    assert share_link.address_reach(url) is reach
