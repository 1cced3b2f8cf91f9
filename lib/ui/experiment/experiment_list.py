"""Saved: the list of experiments: open, duplicate, rename, delete one; begin another."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from lib.errors import PaddockError
from lib.experiment.sample_experiments import SampleExperiment, load_samples
from lib.store import ExperimentEntry
from lib.ui.experiment.experiment_draft import ExperimentDrafts
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

EMPTY = "An empty one"  # the entry of the menu New that starts without a sample
MAX_NAME_LENGTH, MAX_LISTED = 120, 50
_GONE = "experiment-gone"  # in the session's state: id and name of what was deleted last
_NAME = "experiment-name"


class ExperimentAction(StrEnum):
    """The entries of an experiment's menu, with their labels."""

    DUPLICATE = "Duplicate"
    DELETE = "Delete"


def draw_experiment_menu(desk: ExperimentTab) -> None:
    """The menu of experiments, and the button for another."""
    with st.container(horizontal=True, gap="small", width="content"):
        with st.popover("Experiments", type="tertiary", icon=":material/folder_open:", key="experiments"):
            _list(desk)
        st.menu_button(
            "New",
            (EMPTY, *(one.name for one in load_samples(desk.model))),
            key="experiment-new",
            icon=":material/add:",
            type="tertiary",
            on_click=_new_one,
            args=(desk,),
        )


def draw_title(desk: ExperimentTab) -> None:
    """The experiment's name, and what became of the last deletion."""
    name = bind(_NAME, desk.draft.name, desk.draft.rename)
    st.text_input(
        "Name of the experiment",
        name.value,
        key=name.key,
        max_chars=MAX_NAME_LENGTH,
        label_visibility="collapsed",
        on_change=name.on_change,
    )
    # Places that are always there: what moves is made anew by the browser.
    gone_at, trouble_at, welcome_at = st.container(), st.container(), st.container()
    if (gone := st.session_state.get(_GONE)) is not None:
        with gone_at.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"“{escape_markdown(gone[1])}” was deleted.", width="content")
            st.button(
                "Undo",
                key="experiment-undo",
                type="tertiary",
                icon=":material/undo:",
                on_click=_undo,
                args=(desk,),
            )
    if desk.draft.problem is not None:
        with trouble_at:
            draw_error(
                desk.draft.problem, "The experiment is kept in memory, but cannot be saved at the moment"
            )
    if desk.is_blank:
        with welcome_at:
            _welcome(desk)


def _welcome(desk: ExperimentTab) -> None:
    """Over an experiment in which nothing is said yet: what this is for, and samples to begin with."""
    st.markdown("### Which prompt, which settings?")
    st.caption(
        "Write a prompt with `{{variables}}`, give it a table of inputs, choose settings to try and checks to judge "
        "by: every combination is asked, and the results say what works. Or begin with a sample:"
    )
    with st.container(horizontal=True, gap="small", key="experiment-samples"):
        for number, one in enumerate(load_samples(desk.model)):
            st.button(
                one.name,
                key=f"experiment-sample-{number}",
                icon=":material/science:",
                help=one.description,
                on_click=_begin,
                args=(desk, one),
            )


def _list(desk: ExperimentTab) -> None:
    try:
        known = registry().store.experiments(desk.owner)
    except PaddockError as error:
        draw_error(error, "The list cannot be read at the moment")
        return
    if not known:
        st.caption("None is kept yet: one is, as soon as you change something in it.")
    for entry in known[:MAX_LISTED]:
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            gap="small",
            key=f"experiment-{entry.id}",
            wrap=False,
        ):
            st.button(
                escape_markdown(entry.name) + (" (open)" if entry.id == desk.draft.id else ""),
                key=f"experiment-open-{entry.id}",
                width="stretch",
                on_click=_open,
                args=(desk, entry.id),
                help=f"Changed {entry.updated:%Y-%m-%d %H:%M} UTC · {entry.run_count} run"
                f"{'' if entry.run_count == 1 else 's'}",
            )
            st.menu_button(
                "⋯",
                tuple(ExperimentAction),
                key=f"experiment-menu-{entry.id}",
                type="tertiary",
                on_click=_do_action,
                args=(desk, entry),
            )
    if len(known) > MAX_LISTED:
        st.caption(f"The {MAX_LISTED} that were changed last, of {len(known):,}.")


def _begin(desk: ExperimentTab, sample: SampleExperiment) -> None:
    desk.open_experiment(ExperimentDrafts.shared().new(desk.owner, sample.name, sample.plan))


def _new_one(desk: ExperimentTab) -> None:
    chosen = st.session_state["experiment-new"]
    found = next((one for one in load_samples(desk.model) if one.name == chosen), None)
    if found is None:
        _new(desk)
    else:
        _begin(desk, found)


def _new(desk: ExperimentTab) -> None:
    desk.open_experiment(ExperimentDrafts.shared().new(desk.owner))


def _open(desk: ExperimentTab, id: str) -> None:
    if (draft := ExperimentDrafts.shared().find(desk.owner, id)) is not None:
        desk.open_experiment(draft)


def _do_action(desk: ExperimentTab, entry: ExperimentEntry) -> None:
    match st.session_state[f"experiment-menu-{entry.id}"]:
        case ExperimentAction.DUPLICATE:
            _duplicate(desk, entry)
        case ExperimentAction.DELETE:
            _delete(desk, entry)


def _duplicate(desk: ExperimentTab, entry: ExperimentEntry) -> None:
    drafts = ExperimentDrafts.shared()
    if (draft := drafts.find(desk.owner, entry.id)) is not None:
        name = f"{draft.name} (copy)"[:MAX_NAME_LENGTH]
        desk.open_experiment(drafts.new(desk.owner, name, draft.plan))


def _delete(desk: ExperimentTab, entry: ExperimentEntry) -> None:
    def act() -> None:
        registry().store.delete_experiment(desk.owner, entry.id)
        for run in registry().store.runs(desk.owner, entry.id):
            registry().drop_experiment_run(desk.owner, run.id)
        ExperimentDrafts.shared().drop(desk.owner, entry.id)
        st.session_state[_GONE] = (entry.id, entry.name)
        if desk.draft.id == entry.id:
            _new(desk)

    desk.caught(act)


def _undo(desk: ExperimentTab) -> None:
    id, _ = st.session_state.pop(_GONE)
    if desk.caught(lambda: registry().store.restore_experiment(desk.owner, id)):
        _open(desk, id)
