"""Hypothesis strategies for plans of every kind, and a small plan to start from."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from lib.experiment.checks.check_kinds import (
    Check,
    Contains,
    Equals,
    Judge,
    Length,
    LengthUnit,
    Matches,
    MatchesSchema,
    NumberWithin,
    ValidJson,
)
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Limits, Plan, PromptVersion, Variant
from lib.experiment.plan_models import ResolvedPlan
from lib.model import model_record
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool
from lib.model.settings import Setting, Settings
from tests.model.listed_models import find_listed

MODEL = model_record.default_model()

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
WHOLE = st.integers(-(10**9), 10**9)
SCHEMAS = st.just('{"type": "object"}')
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(
    allow_nan=False, allow_infinity=False, min_value=-(2.0**60)
)

FEATURES = st.builds(
    Features,
    st.sampled_from(InputForm),
    st.booleans(),
    st.booleans(),
    NAMES,
    st.none() | st.builds(ResponseFormat, st.none() | SCHEMAS),
    st.lists(st.builds(Tool, NAMES, TEXTS, SCHEMAS, st.booleans()), max_size=2).map(tuple),
    st.lists(st.builds(Function, NAMES, TEXTS), max_size=2).map(tuple),
)
SETTINGS = st.builds(
    Settings,
    st.lists(
        st.builds(Setting, NAMES, NUMBERS, st.booleans()), max_size=4, unique_by=lambda one: one.name
    ).map(tuple),
    FEATURES,
)
CHECKS: st.SearchStrategy[Check] = st.one_of(
    st.builds(Equals, TEXTS, st.booleans()),
    st.builds(Contains, TEXTS, st.booleans(), st.booleans()),
    st.builds(Matches, TEXTS),
    st.builds(NumberWithin, st.none() | DECIMALS, st.none() | DECIMALS, TEXTS, DECIMALS),
    st.builds(ValidJson),
    st.builds(MatchesSchema, st.none() | TEXTS),
    st.builds(Length, st.sampled_from(LengthUnit), st.none() | WHOLE, st.none() | WHOLE),
    st.builds(Judge, TEXTS),
)
INPUTS = st.builds(
    Inputs,
    st.lists(NAMES, max_size=3).map(tuple),
    st.lists(st.lists(TEXTS, max_size=3).map(tuple), max_size=3).map(tuple),
    st.none() | NAMES,
)
PLANS = st.builds(
    Plan,
    prompts=st.lists(st.builds(PromptVersion, NAMES, TEXTS, TEXTS), max_size=3).map(tuple),
    inputs=INPUTS,
    base=SETTINGS,
    axes=st.lists(
        st.builds(Axis, NAMES, st.lists(st.none() | NUMBERS, max_size=3).map(tuple)), max_size=3
    ).map(tuple),
    variants=st.lists(st.builds(Variant, NAMES, SETTINGS, st.none() | TEXTS), max_size=2).map(tuple),
    repetitions=WHOLE,
    checks=st.lists(CHECKS, max_size=4).map(tuple),
    limits=st.builds(Limits, st.none() | DECIMALS, st.none() | WHOLE, WHOLE, WHOLE, WHOLE),
)


def small_plan(**changes: object) -> Plan:
    """Return two rows of “x” and “y”, a prompt with both, default settings and a budget of five cents, with
    changes.
    """
    fields = {
        "prompts": (PromptVersion("A", "You know {{x}}.", "What is {{y}}?"),),
        "inputs": Inputs(("x", "y"), (("1", "2"), ("3", "4"))),
        "base": Settings.defaults(MODEL),
        "limits": Limits(Decimal("0.05")),
    }
    return Plan(**(fields | changes))  # type: ignore[arg-type]


def resolve(plan: Plan) -> ResolvedPlan:
    """Return the plan, whose base names the default model, with its models: all those of a made-up account."""
    return ResolvedPlan(plan, MODEL, find_listed)
