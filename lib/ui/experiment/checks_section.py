"""Checks: what each answer is judged by, each in plain words with its own fields."""

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
from lib.ui.widgets.bound import bind

MAX_CHECKS = 20

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


def summary(desk: ExperimentTab) -> str:
    """The section in one line."""
    checks = desk.plan.checks
    if not checks:
        return "none: answers are shown, not judged"
    names = [check_wording(check).name for check in checks]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def draw_checks_section(desk: ExperimentTab, found: Sequence[PlanProblem]) -> None:
    """The section."""
    checks = desk.plan.checks
    if not checks:
        st.caption(
            "Each answer can be judged by rules that you choose here; then results have a pass rate. Without any, "
            "read and rate the answers yourself."
        )
    for at, check in enumerate(checks):
        with st.container(border=True, key=f"check-{at}", gap="small"):
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                st.markdown(f"**{at + 1}. The answer {check_wording(check).predicate}**")
                st.button(
                    "Remove",
                    key=f"check-remove-{at}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=_remove,
                    args=(desk, at),
                )
            _fields(desk, at, check)
            problem_notes.draw_problems(found, PlanPart.CHECKS, number=at)
    st.menu_button(
        "Add a check",
        tuple(_NEW),
        key="check-add",
        icon=":material/add:",
        on_click=_add,
        args=(desk,),
        disabled=len(checks) >= MAX_CHECKS,
    )
    desk.draw_undo("checks")


def _fields(desk: ExperimentTab, at: int, check: Check) -> None:
    variables = "May hold {{variables}}; {{expected}} is the row's expected answer."
    match check:
        case kinds.Equals(text):
            live_text_area.draw_text_input(
                "Text", _key(desk, at, "text"), text, _text(desk, at, "text"), help=variables
            )
            _switch(desk, at, check, "ignore_case", "Capitals do not matter")
        case kinds.Contains(text):
            live_text_area.draw_text_input(
                "Text", _key(desk, at, "text"), text, _text(desk, at, "text"), help=variables
            )
            with st.container(horizontal=True, gap="medium"):
                _switch(desk, at, check, "ignore_case", "Capitals do not matter")
                _switch(desk, at, check, "absent", "It must not be there")
        case kinds.Matches(pattern):
            live_text_area.draw_text_input(
                "Regular expression",
                _key(desk, at, "pattern"),
                pattern,
                _text(desk, at, "pattern"),
                placeholder=r"such as  \b(yes|no)\b",
                help="Found anywhere in the answer; ^ and $ are its ends.",
            )
        case kinds.NumberWithin(least, most, around, tolerance):
            left, right = st.columns(2)
            with left:
                _number(desk, at, "least", "At least", least)
            with right:
                _number(desk, at, "most", "At most", most)
            with left:
                live_text_area.draw_text_input(
                    "Or near to",
                    _key(desk, at, "around"),
                    around,
                    _text(desk, at, "around"),
                    placeholder="a number, or {{expected}}",
                    help=variables,
                )
            with right:
                _number(desk, at, "tolerance", "Give or take", tolerance, least=0.0)
            st.caption("The answer's last number counts. A bound that is empty is open.")
        case kinds.ValidJson():
            st.caption("With nothing around it: no words before it, no code fence.")
        case kinds.MatchesSchema(schema):
            _schema(desk, at, schema)
        case kinds.Length(unit, least_long, most_long):
            left, middle, right = st.columns(3)
            with left:
                _count(desk, at, "least", "At least", least_long)
            with middle:
                _count(desk, at, "most", "At most", most_long)
            with right:
                box = bind(_key(desk, at, "unit"), unit, lambda chosen: _put(desk, at, unit=chosen))
                st.selectbox(
                    "Of",
                    tuple(LengthUnit),
                    tuple(LengthUnit).index(box.value),
                    format_func=lambda unit: unit.value,
                    key=box.key,
                    on_change=box.on_change,
                )
        case kinds.Judge(criterion):
            live_text_area.draw_text_area(
                "Question about the answer",
                _key(desk, at, "criterion"),
                criterion,
                _text(desk, at, "criterion"),
                height=80,
                placeholder="such as: Is the answer polite, and does it name {{city}}?",
                help=variables,
            )
            st.caption(
                ":material/payments: Each answer is shown to the same model on the same backend with your question: "
                "one more request for each, counted in the budget and in the cost. A small model is a weak judge: "
                "look at some of its verdicts before you trust them."
            )


def _schema(desk: ExperimentTab, at: int, schema: str | None) -> None:
    own = bind(
        _key(desk, at, "own"), schema is not None, lambda on: _put(desk, at, schema="{}" if on else None)
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
            "JSON Schema", _key(desk, at, "schema"), schema, _text(desk, at, "schema"), height=160
        )


def _key(desk: ExperimentTab, at: int, field: str) -> str:
    """Another kind of check in the same place has other controls."""
    return f"check-{type(desk.plan.checks[at]).__name__.lower()}-{field}-{at}"


def _put(desk: ExperimentTab, at: int, **changes: Any) -> None:
    checks = desk.plan.checks
    if at < len(checks):
        desk.change_plan(checks=(*checks[:at], replace(checks[at], **changes), *checks[at + 1 :]))


def _text(desk: ExperimentTab, at: int, field: str) -> live_text_area.OnText:
    return lambda text: _put(desk, at, **{field: text})


def _switch(desk: ExperimentTab, at: int, check: Check, field: str, name: str) -> None:
    toggle = bind(
        _key(desk, at, field), bool(getattr(check, field)), lambda on: _put(desk, at, **{field: on})
    )
    st.toggle(name, toggle.value, key=toggle.key, on_change=toggle.on_change)


def _number(
    desk: ExperimentTab, at: int, field: str, name: str, value: Decimal | None, *, least: float | None = None
) -> None:
    box = bind(
        _key(desk, at, field),
        None if value is None else float(value),
        lambda value: _numbered(desk, at, field, value),
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


def _numbered(desk: ExperimentTab, at: int, field: str, value: float | None) -> None:
    empty = Decimal(0) if field == "tolerance" else None
    _put(desk, at, **{field: empty if value is None else Decimal(repr(value))})


def _count(desk: ExperimentTab, at: int, field: str, name: str, value: int | None) -> None:
    box = bind(_key(desk, at, field), value, lambda count: _put(desk, at, **{field: count}))
    st.number_input(
        name,
        value=box.value,
        key=box.key,
        min_value=0,
        step=1,
        placeholder="open",
        on_change=box.on_change,
    )


def _add(desk: ExperimentTab) -> None:
    if (chosen := st.session_state["check-add"]) is not None:
        desk.change_plan(checks=(*desk.plan.checks, _NEW[chosen]()))


def _remove(desk: ExperimentTab, at: int) -> None:
    checks = desk.plan.checks
    desk.remember_for_undo("checks", f"Check {at + 1} was removed.")
    desk.change_plan(checks=(*checks[:at], *checks[at + 1 :]))
