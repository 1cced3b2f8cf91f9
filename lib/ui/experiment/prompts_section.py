"""Prompts: the versions that run against each other, written beside the variables that are found in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lib.experiment import prompt_template
from lib.experiment.plan import PromptVersion
from lib.experiment.plan_problems import Problem, Where
from lib.ui.experiment import live_text_area, problem_notes
from lib.ui.experiment.experiment_tab import Desk
from lib.ui.experiment.held import held
from lib.ui.widgets.safe_markdown import label

MOST_VERSIONS = 20
_CHOSEN = "prompt-version"


def summary(desk: Desk) -> str:
    """The section in one line."""
    names = [label(one.name) for one in desk.plan.prompts]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} version{'s' if len(names) > 1 else ''}: {', '.join(names[:3])}{more}"


def draw(desk: Desk, problem: Sequence[Problem]) -> None:
    """The section."""
    prompts = desk.plan.prompts
    at = min(int(st.session_state.get(_CHOSEN, 0)), len(prompts) - 1)
    key = held("prompt-version-pills", at)
    chosen = prompts[at]
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.pills(
            "Version",
            range(len(prompts)),
            default=at,
            key=key,
            on_change=_choose,
            args=(key,),
            format_func=lambda number: label(prompts[number].name),
            required=True,
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content"):
            _actions(desk, at)
    desk.undo("prompts")
    live_text_area.area(
        "System prompt",
        f"prompt-system-{at}",
        chosen.system,
        _written(desk, at, "system"),
        height=100,
        placeholder="Who the model should be, and how it should answer (may be empty)",
    )
    live_text_area.area(
        "Prompt",
        f"prompt-user-{at}",
        chosen.user,
        _written(desk, at, "user"),
        height=150,
        placeholder="What is asked of each input, for example: Is this review positive or negative? {{review}}",
        help="Write {{name}} where an input's text is to stand: it comes from the column of that name.",
    )
    _variables(desk)
    problem_notes.draw(problem, Where.PROMPT)


def _actions(desk: Desk, at: int) -> None:
    prompts = desk.plan.prompts
    st.button(
        "Duplicate",
        key="prompt-duplicate",
        icon=":material/content_copy:",
        type="tertiary",
        disabled=len(prompts) >= MOST_VERSIONS,
        on_click=_duplicate,
        args=(desk, at),
        help="Another version that begins as this one: change one thing, and see whether it is better.",
    )
    with st.popover("Rename", type="tertiary", icon=":material/edit:", key="prompt-rename"):
        live_text_area.line("Name of this version", f"prompt-name-{at}", prompts[at].name, _renamed(desk, at))
    st.button(
        "Remove",
        key="prompt-remove",
        icon=":material/delete:",
        type="tertiary",
        disabled=len(prompts) == 1,
        on_click=_remove,
        args=(desk, at),
    )


def found(desk: Desk) -> tuple[str, ...]:
    """The variables of all versions."""
    texts = (text for one in desk.plan.prompts for text in (one.system, one.user))
    return tuple(dict.fromkeys(name for text in texts for name in prompt_template.variables(text)))


def _variables(desk: Desk) -> None:
    """Each of them: green with a column, red without."""
    names = found(desk)
    columns = desk.columns
    missing = [name for name in names if name not in columns]
    if not names:
        st.caption("No variables yet: write `{{name}}` where each input's text is to stand.")
        return
    with st.container(horizontal=True, gap="small", key="prompt-variables"):
        for name in names:
            good = name not in missing
            st.badge(
                label(name),
                color="green" if good else "red",
                icon=":material/check:" if good else ":material/close:",
                help="A column of the inputs" if good else "The inputs have no column of that name",
            )
    if missing:
        listed = ", ".join(label(name) for name in missing)
        st.button(
            f"Add {'the column' if len(missing) == 1 else 'columns'} {listed} to the inputs",
            key="prompt-columns",
            icon=":material/add_column_right:",
            type="tertiary",
            on_click=desk.add_columns,
            args=tuple(missing),
        )


def _choose(key: str) -> None:
    st.session_state[_CHOSEN] = int(st.session_state[key] or 0)


def _put(desk: Desk, at: int, version: PromptVersion) -> None:
    prompts = desk.plan.prompts
    if at < len(prompts):
        desk.change(prompts=(*prompts[:at], version, *prompts[at + 1 :]))


def _written(desk: Desk, at: int, field: str) -> live_text_area.Take:
    return lambda text: _put(desk, at, replace(desk.plan.prompts[at], **{field: text}))


def _renamed(desk: Desk, at: int) -> live_text_area.Take:
    def take(text: str) -> None:
        if name := " ".join(text.split()):
            _put(desk, at, replace(desk.plan.prompts[at], name=name))

    return take


def _duplicate(desk: Desk, at: int) -> None:
    prompts = desk.plan.prompts
    taken = {one.name for one in prompts}
    number = next(
        number for number in range(2, len(taken) + 3) if _numbered(prompts[at].name, number) not in taken
    )
    copy = replace(prompts[at], name=_numbered(prompts[at].name, number))
    desk.change(prompts=(*prompts[: at + 1], copy, *prompts[at + 1 :]))
    st.session_state[_CHOSEN] = at + 1


def _numbered(name: str, number: int) -> str:
    stem, _, last = name.rpartition(" ")
    return f"{stem if last.isdigit() and stem else name} {number}"


def _remove(desk: Desk, at: int) -> None:
    prompts = desk.plan.prompts
    desk.remember("prompts", f"“{prompts[at].name}” was removed.")
    desk.change(prompts=(*prompts[:at], *prompts[at + 1 :]))
    st.session_state[_CHOSEN] = max(at - 1, 0)
