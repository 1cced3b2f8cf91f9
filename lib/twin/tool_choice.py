"""Whether a tool helps with what was asked, and which: decided by the model's own probabilities.

The shipped model was never taught tools. Asked outright which tool to use, or whether, it answers at random
(measured: 7 to 9 right of 20, whatever the words of the question). What it does know is what a text is about. So it
is asked for the topic of the request, of what each tool does, and of some requests that need no tool: not for one
word, but for the probabilities of all the words it might say. The nearest wins.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Sequence

from lib.twin.engine import Engine, GenerationJob
from lib.twin.request_tools import OfferedTool

TOPIC_CANDIDATES = 300  # candidates for the topic that are looked at
MAX_CACHED_TOPICS = 512  # texts whose topics are remembered: those of tools come again with every request
MAX_COMPARED_TOOLS = (
    16  # tools that the model is asked about; of more, those that share most words with the request
)
MAX_TOPIC_CHARS = 400  # characters of a text that tell its topic

_EXAMPLES = (
    ("Play some jazz by Miles Davis", "music"),
    ("Who was the first king of Norway?", "history"),
    ("Turn off the lamp in the kitchen", "lights"),
    ("Write a fairy tale about a dragon", "story"),
    ("Translate 'good morning' into French", "translation"),
    ("Hello, how do you do?", "greeting"),
    ("Book a table for two", "restaurant"),
    ("Define the word 'verb'", "grammar"),
)
_ASK = "".join(f"Text: {text}\nTopic: {topic}\n\n" for text, topic in _EXAMPLES)
# Conversation, knowledge, writing: what a model is for that has no tools.
_NO_TOOL = (
    "Hello!",
    "Who wrote it?",
    "Tell me a story",
    "Explain what a word means",
    "Thank you!",
    "What is the capital city of a country?",
)

Topics = dict[str, float]  # word → probability


class ToolChooser:
    """Decides for one engine, and remembers the topics of what it was asked about lately."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._known: OrderedDict[str, Topics] = OrderedDict()

    async def choose(
        self, request: str, tools: Sequence[OfferedTool], *, must: bool = False
    ) -> OfferedTool | None:
        """The tool that helps most with the request; None, unless one ``must`` be used, if none helps.

        Raises EngineError.
        """
        if must and len(tools) == 1:
            return tools[0]
        wanted = await self._topics(request)
        best, least = None, -1.0
        for text in () if must else _NO_TOOL:
            least = max(least, _nearness(wanted, await self._topics(text)))
        for tool in _likely(request, tools):
            near = _nearness(wanted, await self._topics(_about(tool)))
            if near > least:
                best, least = tool, near
        return best

    async def _topics(self, text: str) -> Topics:
        text = " ".join(text.split())[:MAX_TOPIC_CHARS]
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        # The examples come from the prompt cache: only the text itself is read anew.
        job = GenerationJob(max_tokens=1, temperature=0, prompt=f"{_ASK}Text: {text}\nTopic:")
        candidates, _ = await self.engine.next_token_candidates(
            job, {"n_probs": TOPIC_CANDIDATES, "cache_prompt": True}
        )
        topics: Topics = {}
        for candidate in candidates:
            if word := candidate["token"].strip().lower():
                topics[word] = topics.get(word, 0.0) + math.exp(candidate["logprob"])
        self._known[text] = topics
        if len(self._known) > MAX_CACHED_TOPICS:
            self._known.popitem(last=False)
        return topics


def _nearness(one: Topics, other: Topics) -> float:
    """How much two distributions overlap, 0 to 1 (Bhattacharyya's coefficient)."""
    return sum(math.sqrt(share * other[word]) for word, share in one.items() if word in other)


def _about(tool: OfferedTool) -> str:
    """What the tool does, in words. Without a description its name must do."""
    return tool.description or " ".join(_words(tool.name)) or tool.name


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())


def _likely(request: str, tools: Sequence[OfferedTool]) -> Sequence[OfferedTool]:
    if len(tools) <= MAX_COMPARED_TOOLS:
        return tools
    asked = set(_words(request))
    return sorted(tools, key=lambda tool: -len(asked & set(_words(f"{tool.name} {tool.description}"))))[
        :MAX_COMPARED_TOOLS
    ]
