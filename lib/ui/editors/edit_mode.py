"""The two views of an editor."""

from enum import StrEnum


class EditMode(StrEnum):
    """Edit as a form or as JSON text; the values are the labels on the page."""

    FORM = "Form"
    JSON = "JSON"
