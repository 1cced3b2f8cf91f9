"""Prompts: the versions that run against each other, written beside the variables that are found in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lib.experiment.inputs import prompt_template
from lib.experiment.plan import PromptVersion
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.experiment import live_text_area, problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind
from lib.ui.widgets.safe_markdown import escape_markdown

MAX_VERSIONS = 20
_CHOSEN = "prompt-version"


def summary(desk: ExperimentTab) -> str:
    """The section in one line."""
    names = [escape_markdown(one.name) for one in desk.plan.prompts]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} version{'s' if len(names) > 1 else ''}: {', '.join(names[:3])}{more}"


def draw_prompts_section(desk: ExperimentTab, problem: Sequence[PlanProblem]) -> None:
    """The section."""
    prompts = desk.plan.prompts
    at = min(int(st.session_state.get(_CHOSEN, 0)), len(prompts) - 1)
    version = bind("prompt-version-pills", at, _choose)
    chosen = prompts[at]
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.pills(
            "Version",
            range(len(prompts)),
            default=version.value,
            key=version.key,
            on_change=version.on_change,
            format_func=lambda number: escape_markdown(prompts[number].name),
            required=True,
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content"):
            _actions(desk, at)
    desk.draw_undo("prompts")
    live_text_area.draw_text_area(
        "System prompt",
        f"prompt-system-{at}",
        chosen.system,
        _written(desk, at, "system"),
        height=100,
        placeholder="Who the model should be, and how it should answer (may be empty)",
    )
    live_text_area.draw_text_area(
        "Prompt",
        f"prompt-user-{at}",
        chosen.user,
        _written(desk, at, "user"),
        height=150,
        placeholder="What is asked of each input, for example: Is this review positive or negative? {{review}}",
        help="Write {{name}} where an input's text is to stand: it comes from the column of that name.",
    )
    _variables(desk)
    problem_notes.draw_problems(problem, PlanPart.PROMPT)


def _actions(desk: ExperimentTab, at: int) -> None:
    prompts = desk.plan.prompts
    st.button(
        "Duplicate",
        key="prompt-duplicate",
        icon=":material/content_copy:",
        type="tertiary",
        disabled=len(prompts) >= MAX_VERSIONS,
        on_click=_duplicate,
        args=(desk, at),
        help="Another version that begins as this one: change one thing, and see whether it is better.",
    )
    with st.popover("Rename", type="tertiary", icon=":material/edit:", key="prompt-rename"):
        live_text_area.draw_text_input(
            "Name of this version", f"prompt-name-{at}", prompts[at].name, _renamed(desk, at)
        )
    st.button(
        "Remove",
        key="prompt-remove",
        icon=":material/delete:",
        type="tertiary",
        disabled=len(prompts) == 1,
        on_click=_remove,
        args=(desk, at),
    )


def used_variables(desk: ExperimentTab) -> tuple[str, ...]:
    """The variables of all versions."""
    texts = (text for one in desk.plan.prompts for text in (one.system, one.user))
    return tuple(dict.fromkeys(name for text in texts for name in prompt_template.template_variables(text)))


def _variables(desk: ExperimentTab) -> None:
    """Each of them: green with a column, red without."""
    names = used_variables(desk)
    columns = desk.variable_names
    missing = [name for name in names if name not in columns]
    if not names:
        st.caption("No variables yet: write `{{name}}` where each input's text is to stand.")
        return
    with st.container(horizontal=True, gap="small", key="prompt-variables"):
        for name in names:
            good = name not in missing
            st.badge(
                escape_markdown(name),
                color="green" if good else "red",
                icon=":material/check:" if good else ":material/close:",
                help="A column of the inputs" if good else "The inputs have no column of that name",
            )
    if missing:
        listed = ", ".join(escape_markdown(name) for name in missing)
        st.button(
            f"Add {'the column' if len(missing) == 1 else 'columns'} {listed} to the inputs",
            key="prompt-columns",
            icon=":material/add_column_right:",
            type="tertiary",
            on_click=desk.add_columns,
            args=tuple(missing),
        )


def _choose(at: int | None) -> None:
    st.session_state[_CHOSEN] = at or 0


def _put(desk: ExperimentTab, at: int, version: PromptVersion) -> None:
    prompts = desk.plan.prompts
    if at < len(prompts):
        desk.change_plan(prompts=(*prompts[:at], version, *prompts[at + 1 :]))


def _written(desk: ExperimentTab, at: int, field: str) -> live_text_area.OnText:
    return lambda text: _put(desk, at, replace(desk.plan.prompts[at], **{field: text}))


def _renamed(desk: ExperimentTab, at: int) -> live_text_area.OnText:
    def take(text: str) -> None:
        if name := " ".join(text.split()):
            _put(desk, at, replace(desk.plan.prompts[at], name=name))

    return take


def _duplicate(desk: ExperimentTab, at: int) -> None:
    prompts = desk.plan.prompts
    taken = {one.name for one in prompts}
    number = next(
        number for number in range(2, len(taken) + 3) if _numbered(prompts[at].name, number) not in taken
    )
    copy = replace(prompts[at], name=_numbered(prompts[at].name, number))
    desk.change_plan(prompts=(*prompts[: at + 1], copy, *prompts[at + 1 :]))
    st.session_state[_CHOSEN] = at + 1


def _numbered(name: str, number: int) -> str:
    stem, _, last = name.rpartition(" ")
    return f"{stem if last.isdigit() and stem else name} {number}"


def _remove(desk: ExperimentTab, at: int) -> None:
    prompts = desk.plan.prompts
    desk.remember_for_undo("prompts", f"“{prompts[at].name}” was removed.")
    desk.change_plan(prompts=(*prompts[:at], *prompts[at + 1 :]))
    st.session_state[_CHOSEN] = max(at - 1, 0)
