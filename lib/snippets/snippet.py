"""What a program is, and what it is made from: the call to write down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any


@dataclass(frozen=True)
class Snippet:
    """One request as a program.

    ``language`` is the highlighter's word for it; ``file`` a name to save it under; ``note`` says in a sentence or
    two how to run it, and what this way of asking cannot carry.
    """

    name: str
    language: str
    file: str
    text: str
    note: str


@dataclass(frozen=True)
class SnippetRequest:
    """The model, the JSON body as it is sent, and where to: ``base_url`` is empty for Cloudflare's own address.

    ``foreign`` names the parameters that OpenAI's API does not have.
    """

    model: str
    body: Mapping[str, Any]
    base_url: str
    not_in_openai: frozenset[str]

    @property
    def streams(self) -> bool:
        """Whether the answer comes piece by piece."""
        return self.body.get("stream") is True

    @property
    def calls_tools(self) -> bool:
        """Whether the answer may be a call."""
        return bool(self.body.get("tools"))

    @property
    def wants_json(self) -> bool:
        """Whether the answer may be a JSON value instead of text."""
        return "response_format" in self.body

    @property
    def environment_note(self) -> str:
        """The environment's part, for a note."""
        names = ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"]
        names += ["CLOUDFLARE_BASE_URL"] if self.base_url else []
        return f"Set {', '.join(names[:-1])} and {names[-1]} in the environment"


class CodeTemplate(Template):
    """A piece of a program with places like ``§body``: ``$`` and braces mean something in each of the languages.

    What is put in is not looked at again, so nothing that a user typed can be taken for a place.
    """

    delimiter = "§"


def join_paragraphs(*parts: str) -> str:
    """The parts that are not empty, a blank line between them."""
    return "\n\n".join(part for part in parts if part) + "\n"


def indent(text: str, step: str) -> str:
    """The lines of a piece of program one step further in. No literal stands in it, so no text is changed."""
    return "\n".join(step + line for line in text.splitlines())
