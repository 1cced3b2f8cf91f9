"""A request that was validated before its model is loaded, so that a wrong one never waits for a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.model.model_record import Model
from lib.twin import request_mapping
from lib.twin.generation import GenerationJob
from lib.twin.request_limits import PromptLimits


@dataclass(frozen=True)
class PreparedRequest:
    """A validated native body for a model, and the job of its plain generation."""

    model: Model
    body: Mapping[str, Any]
    job: GenerationJob


def prepare_request(
    model: Model, limits: PromptLimits, native: Any, stop: tuple[str, ...] = (), *, runs: bool = True
) -> PreparedRequest:
    """Validate a native body. Raises TwinApiError.

    A request that is not run may combine options that cannot be streamed.
    """
    limits.check(native)
    body = request_mapping.validate_native(model, native)
    if not runs:
        body = {**body, "stream": False}
    return PreparedRequest(model, body, request_mapping.build_job(model, body, stop))
