"""The request that one cell of an experiment sends."""

from __future__ import annotations

from collections.abc import Sequence

from lib.api.request import Request, Turn, build_input, build_request
from lib.experiment.inputs.prompt_template import fill_template
from lib.experiment.plan import Cell, Variant
from lib.experiment.plan_grid import row_values
from lib.experiment.plan_models import ResolvedPlan
from lib.model.settings import advance_seeds


def request(resolved: ResolvedPlan, cell: Cell, variants: Sequence[Variant]) -> Request:
    """Build the cell's request; ``variants`` are the plan's. Raise BadInput as ``build_request`` does.

    It is never streamed, whatever the settings say: nobody watches the answer, and a whole answer either
    comes with its usage or does not come at all, so a retry never has half an answer to deal with.
    """
    plan, variant = resolved.plan, variants[cell.variant]
    prompt = plan.prompts[cell.prompt]
    values = row_values(plan, cell.row)
    system = fill_template(prompt.system if variant.system is None else variant.system, values)
    user = Turn("user", fill_template(prompt.user, values))
    turns = (Turn("system", system), user) if system.strip() else (user,)
    features = variant.settings.features
    asked = resolved.model_of(variant.settings.model)
    return build_request(
        asked,
        build_input(features, turns),
        advance_seeds(asked, variant.settings.sent_values(), cell.repetition),
        stream=False,
        response_format=features.response_format,
        reject_if_busy=features.reject_if_busy,
    )
