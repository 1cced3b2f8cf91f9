"""Prompts to start with, which fit what the request asks for."""

from __future__ import annotations

from lib.jsonkit.schema_form import field_names, sample_schemas
from lib.model.request_options import Features, InputForm, ResponseFormat

# An icon and a prompt each.
Starter = tuple[str, str]

_TEXT_STARTERS: tuple[Starter, ...] = (
    (":material/lightbulb:", "Explain what a rainbow is to a child of six."),
    (":material/edit:", "Write a short, friendly email that moves a meeting from Tuesday to Thursday."),
    (":material/code:", "Write a Python function that tells whether a word is a palindrome."),
    (":material/checklist:", "Give me five ideas for a rainy weekend, as a list."),
)
_OBJECT_STARTERS: tuple[Starter, ...] = (
    (":material/public:", "Give me the name, the capital and the largest river of France, as JSON."),
    (":material/person:", "Invent a person with a name, an age and three hobbies, as JSON."),
    (":material/restaurant:", "Give me a recipe for pancakes as JSON, with ingredients and steps."),
)
_RAW_STARTERS: tuple[Starter, ...] = (
    (":material/auto_stories:", "Once upon a time, in a village by the sea,"),
    (":material/restaurant:", "A recipe for pancakes. Ingredients:"),
)


def starter_prompts(features: Features) -> tuple[Starter, ...]:
    """Return prompts that suit the form of the input and of the answer."""
    match features.response_format:
        case ResponseFormat(schema=None):
            return _OBJECT_STARTERS
        case ResponseFormat(schema=str(schema)):
            return _schema_starters(schema)
    if features.raw and features.form is InputForm.PROMPT:
        return _RAW_STARTERS
    return _TEXT_STARTERS


def _schema_starters(schema: str) -> tuple[Starter, ...]:
    """Return the text that a sample schema was made for, or prompts that name the schema's fields."""
    for sample in sample_schemas():
        if sample.schema == schema:
            return ((":material/description:", sample.ask),)
    names = field_names(schema)
    listed = f": {', '.join(names[:6])}" if names else ""
    return (
        (":material/casino:", f"Invent an example and fill in every field{listed}."),
        (":material/movie:", f"Take a well-known film and fill in what fits{listed}."),
    )
