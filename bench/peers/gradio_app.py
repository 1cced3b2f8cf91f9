"""A chat of Gradio over the same stream. Arguments: the port."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import gradio
from source import read_words


def answer(message: str, history: object) -> Iterator[str]:
    text = ""
    for word in read_words(message):
        text += word
        yield text


if __name__ == "__main__":
    gradio.ChatInterface(answer).launch(server_port=int(sys.argv[1]), quiet=True)
