"""The section of the prompts: the versions that are compared, and the variables in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import streamlit as st

from lib.experiment.inputs import prompt_template
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.live_text_area import draw_text_box
from lib.ui.widgets.bound import bind
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of, first_names

MAX_VERSIONS = 20
_VERSION = "prompt-version"  # in the session's state: the index of the version in the boxes


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    names = [escape_markdown(prompt.name) for prompt in tab.plan.prompts]
    return f"{count_of(len(names), 'version')}: {first_names(names)}"


def draw(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    prompts = tab.plan.prompts
    index = min(int(st.session_state.get(_VERSION, 0)), len(prompts) - 1)
    version = bind("prompt-version-pills", index, _choose)
    chosen = prompts[index]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.pills(
            "Version",
            range(len(prompts)),
            **version.arguments("default"),
            format_func=lambda number: escape_markdown(prompts[number].name),
            required=True,
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _draw_actions(tab, index)
    tab.draw_undo("prompts")
    draw_text_box(
        "System prompt",
        f"prompt-system-{index}",
        chosen.system,
        lambda text: tab.change_item("prompts", index, system=text),
        height=100,
        placeholder="Who the model should be, and how it should answer (may be empty)",
    )
    draw_text_box(
        "Prompt",
        f"prompt-user-{index}",
        chosen.user,
        lambda text: tab.change_item("prompts", index, user=text),
        height=150,
        placeholder="What to ask about each input, for example: Is this review positive or negative? {{review}}",
        help="Write {{name}} where the text of an input belongs. It comes from the column with that name.",
    )
    _draw_variables(tab)
    problem_notes.draw_problems(problems, PlanPart.PROMPT)


def _draw_actions(tab: ExperimentTab, index: int) -> None:
    prompts = tab.plan.prompts
    st.button(
        "Duplicate",
        key="prompt-duplicate",
        icon=":material/content_copy:",
        type="tertiary",
        disabled=len(prompts) >= MAX_VERSIONS,
        on_click=_duplicate,
        args=(tab, index),
        help="Copies this version. Change one thing in the copy and see if it is better.",
    )
    with st.popover("Rename", type="tertiary", icon=":material/edit:", key="prompt-rename"):
        draw_text_box(
            "Name of this version", f"prompt-name-{index}", prompts[index].name, partial(_rename, tab, index)
        )
    st.button(
        "Remove",
        key="prompt-remove",
        icon=":material/delete:",
        type="tertiary",
        disabled=len(prompts) == 1,
        on_click=_remove,
        args=(tab, index),
    )


def used_variables(tab: ExperimentTab) -> tuple[str, ...]:
    """Return the variables in all versions, each once."""
    texts = (text for prompt in tab.plan.prompts for text in (prompt.system, prompt.user))
    return tuple(dict.fromkeys(name for text in texts for name in prompt_template.template_variables(text)))


def _draw_variables(tab: ExperimentTab) -> None:
    """Draw each variable: green if the inputs have its column, red if not."""
    names = used_variables(tab)
    columns = tab.variable_names
    missing = [name for name in names if name not in columns]
    if not names:
        st.caption("No variables yet. Write `{{name}}` where the text of each input belongs.")
        return
    with st.container(horizontal=True, key="prompt-variables"):
        for name in names:
            has_column = name not in missing
            st.badge(
                escape_markdown(name),
                color="green" if has_column else "red",
                icon=":material/check:" if has_column else ":material/close:",
                help="A column of the inputs" if has_column else "The inputs have no column with that name",
            )
    if missing:
        listed = ", ".join(escape_markdown(name) for name in missing)
        st.button(
            f"Add {'the column' if len(missing) == 1 else 'columns'} {listed} to the inputs",
            key="prompt-columns",
            icon=":material/add_column_right:",
            type="tertiary",
            on_click=tab.add_columns,
            args=tuple(missing),
        )


def _choose(index: int | None) -> None:
    st.session_state[_VERSION] = index or 0


def _rename(tab: ExperimentTab, index: int, typed: str) -> None:
    if name := " ".join(typed.split()):
        tab.change_item("prompts", index, name=name)


def _duplicate(tab: ExperimentTab, index: int) -> None:
    prompts = tab.plan.prompts
    taken = {prompt.name for prompt in prompts}
    numbered_names = (_number_name(prompts[index].name, number) for number in count(2))
    copy = replace(prompts[index], name=next(name for name in numbered_names if name not in taken))
    tab.change_plan(prompts=(*prompts[: index + 1], copy, *prompts[index + 1 :]))
    st.session_state[_VERSION] = index + 1


def _number_name(name: str, number: int) -> str:
    stem, _, last = name.rpartition(" ")
    return f"{stem if last.isdigit() and stem else name} {number}"


def _remove(tab: ExperimentTab, index: int) -> None:
    tab.remove_item("prompts", index, f"“{tab.plan.prompts[index].name}” was removed.")
    st.session_state[_VERSION] = max(index - 1, 0)
