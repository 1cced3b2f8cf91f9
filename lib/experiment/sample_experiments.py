"""Sample experiments to start from; each is a whole plan that makes sense with a small model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lib.experiment.plan import Plan
from lib.experiment.plan_codec import read_axes, read_checks, read_inputs, read_prompts
from lib.jsonkit.json_reader import Node
from lib.model.model_record import Model
from lib.model.request_options import ResponseFormat
from lib.model.settings import Settings

SAMPLES_FILE = Path(__file__).parent / "samples.json"


@dataclass(frozen=True)
class SampleExperiment:
    """``description`` says in one line what the sample teaches."""

    name: str
    description: str
    plan: Plan


def load_samples(model: Model) -> tuple[SampleExperiment, ...]:
    """Return the samples that come with Paddock. Settings that a sample does not name are the model's defaults."""
    document = Node(json.loads(SAMPLES_FILE.read_text(encoding="utf-8")), "samples")
    return tuple(read_sample(setting, model) for setting in document.items())


def read_sample(node: Node, model: Model) -> SampleExperiment:
    """Return a sample as the file describes it, for this model."""
    settings = Settings.defaults(model).with_only_sent(
        {name: model.parameter(name).cast(value.number()) for name, value in node["parameters"].fields()}
    )
    if "schema" in node:
        format = ResponseFormat(json.dumps(node["schema"].value, indent=2))
        settings = settings.with_features(response_format=format)
    plan = Plan(
        prompts=read_prompts(node["prompts"]),
        inputs=read_inputs(node["inputs"]),
        base=settings.with_features(stream=False),
        axes=read_axes(node["axes"]),
        repetitions=node["repetitions"].integer(1, 10),
        checks=read_checks(node["checks"]),
    )
    return SampleExperiment(node["name"].text(), node["about"].text(), plan)
