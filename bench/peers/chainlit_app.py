"""A chat of Chainlit over the same stream."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import chainlit

sys.path.insert(0, str(Path(__file__).parent))

from source import read_words


@chainlit.on_message
async def answer(message: chainlit.Message) -> None:
    reply = chainlit.Message("")
    words = read_words(message.content)
    while (word := await asyncio.to_thread(next, words, None)) is not None:
        await reply.stream_token(word)
    await reply.update()
