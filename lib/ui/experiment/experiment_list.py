"""The list of saved experiments: open, duplicate, rename and delete them, and start a new one."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from lib.errors import PaddockError
from lib.experiment.sample_experiments import SampleExperiment, load_samples
from lib.model.model_record import default_model
from lib.store.stored_values import ExperimentEntry
from lib.ui.experiment.experiment_draft import ExperimentDrafts
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.model_sample_start import draw_model_sample
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.local_time import format_local_time
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.undo_line import draw_undo_line

MAX_NAME_LENGTH, MAX_LISTED = 120, 50
_DELETED = "experiment-gone"  # in the session's state: id and name of the experiment deleted last
_NAME = "experiment-name"  # the control of the name


class ExperimentAction(StrEnum):
    """The entries of an experiment's menu, with their labels."""

    DUPLICATE = "Duplicate"
    DELETE = "Delete"


def draw_experiment_menu(tab: ExperimentTab) -> None:
    """Draw the menu of saved experiments and the menu New."""
    with st.container(horizontal=True, width="content"):
        with st.popover("Experiments", type="tertiary", icon=":material/folder_open:", key="experiments"):
            _draw_list(tab)
        # The samples are numbered from 1.
        options = ("Empty experiment", *(sample.name for sample in load_samples(default_model())))
        st.menu_button(
            "New",
            range(len(options)),
            format_func=options.__getitem__,
            key="experiment-new",
            icon=":material/add:",
            type="tertiary",
            on_click=_start_chosen,
            args=(tab,),
        )


def draw_name(tab: ExperimentTab) -> None:
    """Draw the experiment's name, which can be changed."""
    name = bind(_NAME, tab.draft.name, tab.draft.rename)
    st.text_input(
        "Name of the experiment",
        **name.arguments(),
        max_chars=MAX_NAME_LENGTH,
        label_visibility="collapsed",
        width=300,
    )


def draw_notices(tab: ExperimentTab) -> None:
    """Draw Undo for the last deletion, a storage error, and the welcome of an empty plan."""
    # These containers are always there, so that nothing below them moves: the browser creates moved controls again.
    undo_place, error_place, welcome_place = st.container(), st.container(), st.container()
    if (deleted := st.session_state.get(_DELETED)) is not None:
        with undo_place:
            draw_undo_line(f"“{deleted[1]}” was deleted.", "experiment-undo", _undo_delete, tab)
    if tab.draft.problem is not None:
        with error_place:
            draw_error(tab.draft.problem, "The experiment cannot be saved at the moment")
    elif tab.draft.kept_as is not None:
        error_place.info(
            "Somebody changed this experiment on another Paddock server at the same time. "
            f"That version is saved as “{escape_markdown(tab.draft.kept_as)}”.",
            icon=":material/call_split:",
        )
    if tab.is_blank:
        with welcome_place:
            _draw_welcome(tab)


def _draw_welcome(tab: ExperimentTab) -> None:
    st.markdown("### Which prompt, which settings?")
    st.caption(
        "Write a prompt with a place for each input, such as `{{review}}`, add a table of inputs, and choose the "
        "settings to try and the checks to judge by. Paddock asks every combination and shows what works best. "
        "Or start with a sample:"
    )
    with st.container(horizontal=True, key="experiment-samples"):
        for number, sample in enumerate(load_samples(default_model())):
            st.button(
                sample.name,
                key=f"experiment-sample-{number}",
                icon=":material/science:",
                help=sample.description,
                on_click=_start,
                args=(tab, sample),
            )
        draw_model_sample(tab)


def _draw_list(tab: ExperimentTab) -> None:
    try:
        entries = registry().store.experiments.entries(tab.owner)
    except PaddockError as error:
        draw_error(error, "The list cannot be read at the moment")
        return
    if not entries:
        st.caption("None yet. An experiment is saved as soon as you change it.")
    for entry in entries[:MAX_LISTED]:
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"experiment-{entry.id}", wrap=False
        ):
            st.button(
                escape_markdown(entry.name) + (" (open)" if entry.id == tab.draft.id else ""),
                key=f"experiment-open-{entry.id}",
                width="stretch",
                on_click=_open,
                args=(tab, entry.id),
                help=f"Changed {format_local_time(entry.updated)} · {entry.run_count} run"
                f"{'' if entry.run_count == 1 else 's'}",
            )
            st.menu_button(
                f"Actions for {escape_markdown(entry.name)}",
                tuple(ExperimentAction),
                icon=":material/more_horiz:",
                key=f"experiment-menu-{entry.id}",
                type="tertiary",
                on_click=_do_action,
                args=(tab, entry),
            )
    if len(entries) > MAX_LISTED:
        st.caption(f"The last {MAX_LISTED} that you changed, of {len(entries):,}.")


def _start_chosen(tab: ExperimentTab) -> None:
    number = st.session_state["experiment-new"]
    _start(tab, load_samples(default_model())[number - 1] if number else None)


def _start(tab: ExperimentTab, sample: SampleExperiment | None) -> None:
    """Open a new experiment: the sample, None: an empty one."""
    drafts = ExperimentDrafts.shared()
    new = drafts.new(tab.owner) if sample is None else drafts.new(tab.owner, sample.name, sample.plan)
    tab.open_experiment(new)


def _open(tab: ExperimentTab, id: str) -> None:
    if (draft := ExperimentDrafts.shared().find(tab.owner, id)) is not None:
        tab.open_experiment(draft)


def _do_action(tab: ExperimentTab, entry: ExperimentEntry) -> None:
    match st.session_state[f"experiment-menu-{entry.id}"]:
        case ExperimentAction.DUPLICATE:
            _duplicate(tab, entry)
        case ExperimentAction.DELETE:
            _delete(tab, entry)


def _duplicate(tab: ExperimentTab, entry: ExperimentEntry) -> None:
    drafts = ExperimentDrafts.shared()
    if (draft := drafts.find(tab.owner, entry.id)) is not None:
        name = f"{draft.name} (copy)"[:MAX_NAME_LENGTH]
        tab.open_experiment(drafts.new(tab.owner, name, draft.plan))


def _delete(tab: ExperimentTab, entry: ExperimentEntry) -> None:
    store = registry().store
    with tab.errors():
        store.experiments.delete(tab.owner, entry.id)
        for run in store.runs.entries(tab.owner, entry.id):
            registry().drop_experiment_run(tab.owner, run.id)
        ExperimentDrafts.shared().drop(tab.owner, entry.id)
        st.session_state[_DELETED] = (entry.id, entry.name)
        if tab.draft.id == entry.id:
            _start(tab, None)


def _undo_delete(tab: ExperimentTab) -> None:
    id, _ = st.session_state.pop(_DELETED)
    with tab.errors():
        registry().store.experiments.restore(tab.owner, id)
        _open(tab, id)
