"""The choice of the presets that an experiment compares, each with the model that it names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lib.errors import PaddockError
from lib.experiment.plan import Variant
from lib.experiment.plan_models import asked_models, model_names
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.settings import fit_to_model
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.models_choice import fetch_schema
from lib.ui.shell.account_catalogue import find_model
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

_CHOSEN, _SYSTEM = "ways-presets", "ways-system"


def draw_presets(tab: ExperimentTab) -> None:
    try:
        available = _available_presets(tab)
    except PaddockError as error:
        draw_error(error, "Your presets cannot be read at the moment")
        available = {preset.name: preset for preset in preset_file.shipped_presets(tab.model)}
    chosen = _variant_names(tab)
    # A preset that was deleted since stays in the plan, which holds its settings.
    names = list(dict.fromkeys([*available, *chosen]))
    set_variants = partial(_set_variants, tab, available)
    presets = bind(_CHOSEN, chosen, lambda names: set_variants(names, _uses_systems(tab)))
    st.multiselect(
        "Presets",
        names,
        **presets.arguments("default"),
        placeholder="Choose two or more",
        help="The presets of the Chat page, with their current settings. A preset that names a model asks it, "
        "unless you choose models above.",
    )
    if note := _models_note(tab):
        st.caption(note)
    if any(available[name].system for name in chosen if name in available):
        systems = bind(_SYSTEM, _uses_systems(tab), lambda on: set_variants(_variant_names(tab), on))
        st.toggle(
            "Use the presets' own system prompts",
            **systems.arguments(),
            help="They replace the system prompts of the prompt versions. Off: only their settings are used.",
        )


def _available_presets(tab: ExperimentTab) -> dict[str, Preset]:
    """Return the presets by name, the first of each name: those that Paddock ships, then the user's."""
    saved = registry().store.presets.load_all(tab.owner)
    presets = [
        *preset_file.shipped_presets(tab.model),
        *(preset_file.parse_preset(preset.body | {"name": preset.name}, tab.model) for preset in saved),
    ]
    return {preset.name: preset for preset in reversed(presets)}


def _models_note(tab: ExperimentTab) -> str:
    """Return which models the chosen presets ask, as Markdown; empty if all ask the usual one."""
    named = {variant.settings.model for variant in tab.plan.variants} - {tab.model.id}
    if not named:
        return ""
    if tab.plan.models:
        return (
            "Each model that you chose above is asked with the settings of each preset; the models that presets name "
            "are not used."
        )
    asked = asked_models(tab.plan)
    names = dict(zip(asked, model_names(asked), strict=True))
    parts = [
        f"{escape_markdown(variant.name)} asks **{escape_markdown(names[variant.settings.model])}**"
        for variant in tab.plan.variants
    ]
    return f"{', '.join(parts)}. The results compare these models."


def _variant_names(tab: ExperimentTab) -> list[str]:
    return [variant.name for variant in tab.plan.variants]


def _uses_systems(tab: ExperimentTab) -> bool:
    """Return True if the variants have the presets' own system prompts."""
    return any(variant.system is not None for variant in tab.plan.variants)


def _set_variants(
    tab: ExperimentTab, available: dict[str, Preset], names: Sequence[str], with_system: bool
) -> None:
    old = {variant.name: variant for variant in tab.plan.variants}
    variants = []
    for name in names:
        if (preset := available.get(name)) is None:
            variants.append(old[name])
            continue
        settings = preset.apply_to(tab.plan.base)
        with tab.errors():
            fetch_schema(tab, settings.model)
        # A model whose schema does not come is not listed here: the problem is said below.
        if (model := find_model(settings.model)) is not None:
            settings = fit_to_model(settings, model) if preset.settings.model != tab.model.id else settings
        variants.append(Variant(name, settings, preset.system if with_system else None))
    tab.change_plan(variants=tuple(variants))
