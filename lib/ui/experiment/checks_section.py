"""The section of the checks that judge each answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import streamlit as st

from lib.experiment.checks import check_kinds as kinds
from lib.experiment.checks.check_kinds import Check, LengthUnit
from lib.experiment.checks.check_wording import check_wording
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.experiment import live_text_area, problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind, draw_selectbox

MAX_CHECKS = 20

# New checks by their labels in the menu.
_NEW: dict[str, Callable[[], Check]] = {
    "Equals the expected answer": kinds.Equals,
    "Contains a text": kinds.Contains,
    "Matches a pattern": lambda: kinds.Matches(""),
    "Has a number within bounds": lambda: kinds.NumberWithin(),
    "Is valid JSON": kinds.ValidJson,
    "Is JSON that fits a schema": kinds.MatchesSchema,
    "Is long or short enough": lambda: kinds.Length(most=50),
    "A language model says yes": lambda: kinds.Judge(""),
}


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    checks = tab.plan.checks
    if not checks:
        return "none: answers are shown, not judged"
    names = [check_wording(check).name for check in checks]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def draw_checks_section(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    """Draw the section."""
    checks = tab.plan.checks
    if not checks:
        st.caption(
            "Each answer can be judged by rules that you choose here; then results have a pass rate. Without any, "
            "read and rate the answers yourself."
        )
    for index, check in enumerate(checks):
        with st.container(border=True, key=f"check-{index}", gap="small"):
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                st.markdown(f"**{index + 1}. The answer {check_wording(check).predicate}**")
                st.button(
                    "Remove",
                    key=f"check-remove-{index}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=_remove,
                    args=(tab, index),
                )
            _draw_fields(tab, index, check)
            problem_notes.draw_problems(problems, PlanPart.CHECKS, number=index)
    st.menu_button(
        "Add a check",
        tuple(_NEW),
        key="check-add",
        icon=":material/add:",
        on_click=_add,
        args=(tab,),
        disabled=len(checks) >= MAX_CHECKS,
    )
    tab.draw_undo("checks")


def _draw_fields(tab: ExperimentTab, index: int, check: Check) -> None:
    variables = "May hold {{variables}}; {{expected}} is the row's expected answer."
    match check:
        case kinds.Equals(text):
            live_text_area.draw_text_input(
                "Text", _key(tab, index, "text"), text, _text_setter(tab, index, "text"), help=variables
            )
            _draw_switch(tab, index, check, "ignore_case", "Capitals do not matter")
        case kinds.Contains(text):
            live_text_area.draw_text_input(
                "Text", _key(tab, index, "text"), text, _text_setter(tab, index, "text"), help=variables
            )
            with st.container(horizontal=True, gap="medium"):
                _draw_switch(tab, index, check, "ignore_case", "Capitals do not matter")
                _draw_switch(tab, index, check, "absent", "It must not be there")
        case kinds.Matches(pattern):
            live_text_area.draw_text_input(
                "Regular expression",
                _key(tab, index, "pattern"),
                pattern,
                _text_setter(tab, index, "pattern"),
                placeholder=r"such as  \b(yes|no)\b",
                help="Found anywhere in the answer; ^ and $ are its ends.",
            )
        case kinds.NumberWithin(least, most, around, tolerance):
            left, right = st.columns(2)
            with left:
                _draw_number(tab, index, "least", "At least", least)
            with right:
                _draw_number(tab, index, "most", "At most", most)
            with left:
                live_text_area.draw_text_input(
                    "Or near to",
                    _key(tab, index, "around"),
                    around,
                    _text_setter(tab, index, "around"),
                    placeholder="a number, or {{expected}}",
                    help=variables,
                )
            with right:
                _draw_number(tab, index, "tolerance", "Give or take", tolerance, least=0.0)
            st.caption("The answer's last number counts. A bound that is empty is open.")
        case kinds.ValidJson():
            st.caption("With nothing around it: no words before it, no code fence.")
        case kinds.MatchesSchema(schema):
            _draw_schema(tab, index, schema)
        case kinds.Length(unit, least_long, most_long):
            left, middle, right = st.columns(3)
            with left:
                _draw_count(tab, index, "least", "At least", least_long)
            with middle:
                _draw_count(tab, index, "most", "At most", most_long)
            with right:
                box = bind(
                    _key(tab, index, "unit"), unit, lambda chosen: _change_check(tab, index, unit=chosen)
                )
                draw_selectbox("Of", tuple(LengthUnit), box, format_func=lambda unit: unit.value)
        case kinds.Judge(criterion):
            live_text_area.draw_text_area(
                "Question about the answer",
                _key(tab, index, "criterion"),
                criterion,
                _text_setter(tab, index, "criterion"),
                height=80,
                placeholder="such as: Is the answer polite, and does it name {{city}}?",
                help=variables,
            )
            st.caption(
                ":material/payments: Each answer is shown to the same model on the same backend with your question: "
                "one more request for each, counted in the budget and in the cost. A small model is a weak judge: "
                "look at some of its verdicts before you trust them."
            )


def _draw_schema(tab: ExperimentTab, index: int, schema: str | None) -> None:
    own = bind(
        _key(tab, index, "own"),
        schema is not None,
        lambda on: _change_check(tab, index, schema="{}" if on else None),
    )
    st.toggle(
        "A schema of its own",
        own.value,
        key=own.key,
        on_change=own.on_change,
        help="Off: the schema that the request itself carries in JSON mode.",
    )
    if schema is not None:
        live_text_area.draw_text_area(
            "JSON Schema", _key(tab, index, "schema"), schema, _text_setter(tab, index, "schema"), height=160
        )


def _key(tab: ExperimentTab, index: int, field: str) -> str:
    """Return the key of a field's control. It names the kind of check: another kind has other controls."""
    return f"check-{type(tab.plan.checks[index]).__name__.lower()}-{field}-{index}"


def _change_check(tab: ExperimentTab, index: int, **changes: Any) -> None:
    checks = tab.plan.checks
    if index < len(checks):
        tab.change_plan(checks=(*checks[:index], replace(checks[index], **changes), *checks[index + 1 :]))


def _text_setter(tab: ExperimentTab, index: int, field: str) -> live_text_area.OnText:
    return lambda text: _change_check(tab, index, **{field: text})


def _draw_switch(tab: ExperimentTab, index: int, check: Check, field: str, name: str) -> None:
    toggle = bind(
        _key(tab, index, field),
        bool(getattr(check, field)),
        lambda on: _change_check(tab, index, **{field: on}),
    )
    st.toggle(name, toggle.value, key=toggle.key, on_change=toggle.on_change)


def _draw_number(
    tab: ExperimentTab,
    index: int,
    field: str,
    name: str,
    value: Decimal | None,
    *,
    least: float | None = None,
) -> None:
    box = bind(
        _key(tab, index, field),
        None if value is None else float(value),
        lambda value: _set_number(tab, index, field, value),
    )
    st.number_input(
        name,
        value=box.value,
        key=box.key,
        min_value=least,
        step=1.0,
        format="%g",
        placeholder="open",
        on_change=box.on_change,
    )


def _set_number(tab: ExperimentTab, index: int, field: str, value: float | None) -> None:
    empty = Decimal(0) if field == "tolerance" else None
    _change_check(tab, index, **{field: empty if value is None else Decimal(repr(value))})


def _draw_count(tab: ExperimentTab, index: int, field: str, name: str, value: int | None) -> None:
    box = bind(_key(tab, index, field), value, lambda count: _change_check(tab, index, **{field: count}))
    st.number_input(
        name,
        value=box.value,
        key=box.key,
        min_value=0,
        step=1,
        placeholder="open",
        on_change=box.on_change,
    )


def _add(tab: ExperimentTab) -> None:
    if (chosen := st.session_state["check-add"]) is not None:
        tab.change_plan(checks=(*tab.plan.checks, _NEW[chosen]()))


def _remove(tab: ExperimentTab, index: int) -> None:
    checks = tab.plan.checks
    tab.remember_for_undo("checks", f"Check {index + 1} was removed.")
    tab.change_plan(checks=(*checks[:index], *checks[index + 1 :]))
