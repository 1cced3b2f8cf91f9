"""The sections of the Model page."""

from enum import StrEnum


class ModelSection(StrEnum):
    """The sections, with their labels, which also stand in the page's URL."""

    PARAMETERS = "Parameters"
    PROBABILITIES = "Next token"
    PRICE = "Price"
    CAPABILITIES = "Capabilities"
    SCHEMAS = "Schemas"
    ENDPOINTS = "Endpoints"
    MODELS = "Other models"
