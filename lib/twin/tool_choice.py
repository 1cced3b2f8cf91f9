"""Choose the tool to call: as the request's ``tool_choice`` says, or by the model's own probabilities.

The shipped model was never taught tools. If asked outright which tool to use, or whether, it answers at random
(measured: 7 to 9 right of 20, whatever the words of the question). It does know what a text is about. So it is asked
for the topic of the request, of what each tool does, and of some requests that need no tool. The answer is not one
word but the probabilities of all the words it might say, and the nearest topic wins.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.twin.api_errors import field_error
from lib.twin.engine import Engine
from lib.twin.generation import GenerationJob
from lib.twin.request_tools import OfferedTool

# Words that are compared as candidates for a topic.
TOPIC_CANDIDATES = 300
# The topics of tools are needed again with every request.
MAX_CACHED_TOPICS = 512
# Of more tools, only those that share most words with the request are shown to the model and compared: a prompt with
# 128 tools takes minutes.
MAX_COMPARED_TOOLS = 16
# Characters of a text that are read for its topic.
MAX_TOPIC_CHARS = 400

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
_TOPIC_PROMPT = "".join(f"Text: {text}\nTopic: {topic}\n\n" for text, topic in _EXAMPLES)
# Conversation, knowledge, writing: the uses of a model without tools.
_REQUESTS_WITHOUT_TOOL = (
    "Hello!",
    "Who wrote it?",
    "Tell me a story",
    "Explain what a word means",
    "Thank you!",
    "What is the capital city of a country?",
)

# Word → probability.
Topics = dict[str, float]


@dataclass(frozen=True)
class ToolChoice:
    """The request's ``tool_choice``: the model decides if it may and need not call.

    ``only_tool`` is the name of the one tool that may be called.
    """

    may_call: bool = True
    must_call: bool = False
    only_tool: str | None = None

    def allowed(self, tools: Sequence[OfferedTool]) -> tuple[OfferedTool, ...]:
        """Return the tools that may be called."""
        if not self.may_call:
            return ()
        return tuple(tool for tool in tools if self.only_tool in (None, tool.name))


def read_tool_choice(body: Mapping[str, Any], tools: Sequence[OfferedTool]) -> ToolChoice:
    """Parse the field ``tool_choice``. Raises TwinApiError."""
    choice = body.get("tool_choice")
    if choice in (None, "auto"):
        return ToolChoice(may_call=bool(tools))
    if choice == "none":
        return ToolChoice(may_call=False)
    name = _chosen_name(choice)
    if choice != "required" and not isinstance(name, str):
        words = "'auto', 'none', 'required' or {'type': 'function', 'function': {'name': …}}"
        raise field_error("/tool_choice", f"must be {words}")
    if name is not None and name not in [tool.name for tool in tools]:
        raise field_error("/tool_choice", f"none of the tools is named '{name}'")
    if not tools:
        raise field_error("/tool_choice", "there are no tools to choose from")
    return ToolChoice(must_call=True, only_tool=name)


def _chosen_name(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return None
    function = choice.get("function")
    return (function if isinstance(function, dict) else choice).get("name")


class ToolChooser:
    """Chooses tools by the probabilities of one engine, and remembers the topics of recent texts."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._topics_by_text: OrderedDict[str, Topics] = OrderedDict()

    async def choose(
        self, request: str, tools: Sequence[OfferedTool], *, must: bool = False
    ) -> OfferedTool | None:
        """Return the tool that helps most with the request, or None if none helps and none ``must`` be called.

        Raises EngineError.
        """
        if must and len(tools) == 1:
            return tools[0]
        request_topics = await self._topics(request)
        best_tool, best = None, -1.0
        for text in () if must else _REQUESTS_WITHOUT_TOOL:
            best = max(best, _similarity(request_topics, await self._topics(text)))
        for tool in tools:
            similarity = _similarity(request_topics, await self._topics(_description(tool)))
            if similarity > best:
                best_tool, best = tool, similarity
        return best_tool

    async def _topics(self, text: str) -> Topics:
        text = " ".join(text.split())[:MAX_TOPIC_CHARS]
        if text in self._topics_by_text:
            self._topics_by_text.move_to_end(text)
            return self._topics_by_text[text]
        # The engine has the examples in its prompt cache, and evaluates only the text itself.
        job = GenerationJob(max_tokens=1, temperature=0, prompt=f"{_TOPIC_PROMPT}Text: {text}\nTopic:")
        extra = {"n_probs": TOPIC_CANDIDATES, "cache_prompt": True}
        candidates, _ = await self.engine.next_token_candidates(job, extra)
        topics: Topics = {}
        for candidate in candidates:
            if word := candidate["token"].strip().lower():
                topics[word] = topics.get(word, 0.0) + math.exp(candidate["logprob"])
        self._topics_by_text[text] = topics
        if len(self._topics_by_text) > MAX_CACHED_TOPICS:
            self._topics_by_text.popitem(last=False)
        return topics


def _similarity(first: Topics, second: Topics) -> float:
    """Return how much two distributions overlap, from 0 to 1 (Bhattacharyya's coefficient)."""
    return sum(math.sqrt(share * second[word]) for word, share in first.items() if word in second)


def _description(tool: OfferedTool) -> str:
    return tool.description or " ".join(_split_words(tool.name)) or tool.name


def _split_words(text: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())


def choose_likely_tools(request: str, tools: Sequence[OfferedTool]) -> tuple[OfferedTool, ...]:
    """Return the tools that share most words with the request, in their order: at most MAX_COMPARED_TOOLS."""
    if len(tools) <= MAX_COMPARED_TOOLS:
        return tuple(tools)
    request_words = set(_split_words(request))

    def shared_words(tool: OfferedTool) -> int:
        return len(request_words & set(_split_words(f"{tool.name} {tool.description}")))

    likely = sorted(tools, key=shared_words, reverse=True)[:MAX_COMPARED_TOOLS]
    return tuple(tool for tool in tools if tool in likely)
