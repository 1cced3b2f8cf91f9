"""What the page sends to the code that draws a model's text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.jsonkit import json_text
from lib.ui.widgets import model_text
from lib.ui.widgets.model_text import PIECE_CHARS, LiveText


class Place:
    """Stands for a place on the page: it has an element or a list of places, and counts the characters sent to it."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.body = ""
        self.sent = 0

    def container(self, **_: object) -> Place:
        return self.empty()

    def empty(self) -> Place:
        self.places.append(Place())
        return self.places[-1]

    def text(self, body: str) -> None:
        # As Streamlit does.
        assert body == "\n".join(line for line in body.strip().split("\n"))
        self.body, self.sent = body, self.sent + len(body)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(model_text, "_draw", lambda **_: None)
    return Place()


def write(parts: Sequence[str]) -> list[Place]:
    """Let a text grow by these parts, and return the pieces that are sent."""
    place = Place()
    live = LiveText(place, "key")  # type: ignore[arg-type]
    for part in parts:
        live.append(part)
    return place.places[0].places[0].places


@given(st.lists(st.text(alphabet='a \n\t"\\é👩\ud800', max_size=800), max_size=6))
def test_the_pieces_are_the_text(parts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_text, "_draw", lambda **_: None)
        pieces = write(parts)
    text = "".join(json.loads(piece.body) for piece in pieces)
    assert text == "".join(parts).replace("\ud800", "\ufffd")
    assert all(len(json.loads(piece.body)) == PIECE_CHARS for piece in pieces[:-1])


def test_a_growing_text_is_not_sent_again_and_again(place: Place) -> None:
    tokens = ["four"] * 2_000
    pieces = write(tokens)
    # Each character is sent at most as often as its piece grows, however long the text is.
    assert sum(piece.sent for piece in pieces) < len("".join(tokens)) * PIECE_CHARS / 4
    assert [len(json.loads(piece.body)) for piece in pieces] == [PIECE_CHARS] * 26 + [200]


def test_what_the_browser_reads_itself_is_sent_at_the_end_or_when_it_no_longer_does(place: Place) -> None:
    feed = SimpleNamespace(name="secret", is_read=True)
    live = LiveText(place, "key", feed)  # type: ignore[arg-type]
    live.append("One ")
    source = place.places[0].places[0]
    assert source.places == []
    feed.is_read = False
    live.append("two ")
    assert [json.loads(piece.body) for piece in source.places] == ["One two "]
    feed.is_read = True
    live.append("three")
    assert [json.loads(piece.body) for piece in source.places] == ["One two "]
    live.end()
    assert [json.loads(piece.body) for piece in source.places] == ["One two three"]


def test_a_tree_has_the_numbers_that_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(model_text, "_draw", lambda **arguments: sent.append(arguments["data"]))
    text = '{"a": 12345678901234567890, "b": [1.0, 1.10, -0, 1E5], "c": null, "a": "é"}'
    model_text.draw_json_tree(json_text.decode(text, "It"), "key", expanded=1)
    assert sent == [
        {
            "tree": (
                {
                    "o": [
                        ["a", {"l": "12345678901234567890"}],
                        ["b", {"a": [{"l": "1.0"}, {"l": "1.10"}, {"l": "-0"}, {"l": "1E5"}]}],
                        ["c", {"l": "null"}],
                        ["a", "é"],
                    ]
                },
            ),
            "expanded": 1,
        }
    ]
