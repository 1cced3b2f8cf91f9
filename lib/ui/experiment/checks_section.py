"""The section of the checks that judge each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from lib.experiment.checks import check_kinds as kinds
from lib.experiment.checks.check_kinds import Check, LengthUnit, check_wording
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.live_text_area import draw_text_box
from lib.ui.widgets.bound import Bound, bind, draw_selectbox
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import first_names
from lib.ui.widgets.take_focus import draw_added_focus, focus_added

MAX_CHECKS = 20

_VARIABLES_HELP = "You can use {{variables}}; {{expected}} is the expected answer of the row."


@dataclass(frozen=True)
class NewCheck:
    """An entry of the menu "Add a check"."""

    label: str
    check: Check


NEW_CHECKS = (
    NewCheck("Equals the expected answer", kinds.Equals()),
    NewCheck("Contains a text", kinds.Contains()),
    NewCheck("Matches a pattern", kinds.Matches("")),
    NewCheck("Has a number in a range", kinds.NumberWithin()),
    NewCheck("Is valid JSON", kinds.ValidJson()),
    NewCheck("Is JSON with the right fields", kinds.MatchesSchema()),
    NewCheck("Is long or short enough", kinds.Length(most=50)),
    NewCheck("A language model says yes", kinds.Judge("")),
)


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    checks = tab.plan.checks
    if not checks:
        return "no checks yet"
    return first_names([check_wording(check).name for check in checks])


def draw(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    checks = tab.plan.checks
    if not checks:
        st.caption(
            "Checks judge each answer, and the results then show how many pass. Without checks, read and rate the "
            "answers yourself."
        )
    for index, check in enumerate(checks):
        with st.container(border=True, key=f"check-{index}"):
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                st.markdown(f"**{index + 1}. The answer {check_wording(check).predicate}**")
                st.button(
                    "Remove",
                    key=f"check-remove-{index}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=tab.remove_item,
                    args=("checks", index, f"Check {index + 1} was removed."),
                )
            _draw_fields(_CheckFields(tab, index, check))
            problem_notes.draw_problems(problems, PlanPart.CHECKS, number=index)
    st.menu_button(
        "Add a check",
        NEW_CHECKS,
        key="check-add",
        format_func=lambda new: new.label,
        icon=":material/add:",
        on_click=_add,
        args=(tab,),
        disabled=len(checks) >= MAX_CHECKS,
    )
    tab.draw_undo("checks")
    draw_added_focus("check-")


@dataclass(frozen=True)
class _CheckFields:
    tab: ExperimentTab
    index: int
    check: Check

    def key(self, field: str) -> str:
        """Return the key of a field's control. It names the kind of check: another kind has other controls."""
        return f"check-{type(self.check).__name__.lower()}-{field}-{self.index}"

    def change(self, field: str, value: Any) -> None:
        self.tab.change_item("checks", self.index, **{field: value})

    def bind(self, field: str) -> Bound[Any]:
        return bind(self.key(field), getattr(self.check, field), partial(self.change, field))

    def draw_text(self, field: str, label: str, **options: Any) -> None:
        """Draw a text box; ``options`` as of ``draw_text_box``."""
        text = getattr(self.check, field)
        draw_text_box(label, self.key(field), text, partial(self.change, field), **options)

    def draw_switch(self, field: str, label: str) -> None:
        st.toggle(label, **self.bind(field).arguments())

    def draw_count(self, field: str, label: str) -> None:
        st.number_input(label, min_value=0, step=1, placeholder="no limit", **self.bind(field).arguments())

    def draw_number(self, field: str, label: str, *, least: float | None = None) -> None:
        number: Decimal | None = getattr(self.check, field)

        def set_number(typed: float | None) -> None:
            self.change(field, None if typed is None else Decimal(repr(typed)))

        box = bind(self.key(field), None if number is None else float(number), set_number)
        st.number_input(
            label, min_value=least, step=1.0, format="%g", placeholder="no limit", **box.arguments()
        )


def _draw_fields(fields: _CheckFields) -> None:
    match fields.check:
        case kinds.Equals():
            fields.draw_text("text", "Text", help=_VARIABLES_HELP)
            fields.draw_switch("ignore_case", "Ignore upper and lower case")
        case kinds.Contains():
            fields.draw_text("text", "Text", help=_VARIABLES_HELP)
            with st.container(horizontal=True, gap="medium"):
                fields.draw_switch("ignore_case", "Ignore upper and lower case")
                fields.draw_switch("absent", "The answer must not contain it")
        case kinds.Matches():
            fields.draw_text(
                "pattern",
                "Pattern (regular expression)",
                placeholder=r"such as  \b(yes|no)\b",
                help="It may match anywhere in the answer. ^ is the beginning, $ is the end.",
            )
        case kinds.NumberWithin():
            left, right = st.columns(2)
            with left:
                fields.draw_number("least", "At least")
                fields.draw_text(
                    "around", "Or close to", placeholder="a number, or {{expected}}", help=_VARIABLES_HELP
                )
            with right:
                fields.draw_number("most", "At most")
                fields.draw_number("tolerance", "Give or take", least=0.0)
            st.caption("The last number in the answer counts. Empty means no limit.")
        case kinds.ValidJson():
            st.caption("The answer must be JSON and nothing else.")
        case kinds.MatchesSchema(schema):
            _draw_schema(fields, schema)
        case kinds.Length():
            left, middle, right = st.columns(3)
            with left:
                fields.draw_count("least", "At least")
            with middle:
                fields.draw_count("most", "At most")
            with right:
                draw_selectbox(
                    "Of", tuple(LengthUnit), fields.bind("unit"), format_func=lambda unit: unit.value
                )
        case kinds.Judge():
            fields.draw_text(
                "criterion",
                "Question about the answer",
                height=80,
                placeholder="such as: Is the answer polite, and does it name {{city}}?",
                help=_VARIABLES_HELP,
            )
            judge = (
                f"{escape_markdown(fields.tab.model.name)} judges the answers of all models"
                if len(fields.tab.plan.models) > 1
                else "The model that answers also judges each answer"
            )
            st.caption(
                f":material/payments: {judge} by your question. Each takes one more request, which counts in the "
                "budget and the cost. A small model is a weak judge: read some of "
                "its verdicts before you trust them."
            )


def _draw_schema(fields: _CheckFields, schema: str | None) -> None:
    own = bind(
        fields.key("own"), schema is not None, lambda on: fields.change("schema", "{}" if on else None)
    )
    st.toggle(
        "Other fields than the request",
        **own.arguments(),
        help="Off: the answer must have the fields that the request asks for.",
    )
    if schema is not None:
        fields.draw_text("schema", "JSON Schema", height=160)


def _add(tab: ExperimentTab) -> None:
    chosen: NewCheck | None = st.session_state["check-add"]
    if chosen is not None:
        focus_added(f"check-{len(tab.plan.checks)}")
        tab.change_plan(checks=(*tab.plan.checks, chosen.check))
