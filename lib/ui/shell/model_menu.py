"""The models of this computer in the dialog “Where answers come from”, for its local owner."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from lib.errors import BadInput, PaddockError
from lib.local_models import model_source
from lib.local_models.hub import hub_from_environment
from lib.local_models.licences import Licence
from lib.local_models.listed_models import ListedModel, describe_model, list_models
from lib.local_models.model_source import RemoteModel
from lib.local_models.requirements import describe_missing_memory, describe_room, require_room
from lib.local_models.supervised_twin import Ready
from lib.ui.shell import model_download_view
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

# In the session's state: the error of the last action; a model was chosen in the last click; the model whose licence
# is shown; the text of the box; the path or address that was named; the other sizes, or the error instead of them,
# None until the hub was asked.
_PROBLEM, _USED, _LICENCE, _BOX, _NAMED, _SIZES = (
    f"model-{name}" for name in ("problem", "used", "licence", "box", "named", "other-sizes")
)
_REFRESH_SECONDS = 1.0


@dataclass(frozen=True)
class ModelMenu:
    """``is_used``: this session asks the models of this computer; ``choose`` lets it do so."""

    is_used: bool
    choose: Callable[[], None]

    def draw(self) -> None:
        """Draw the models, inside a fragment."""
        supervisor = registry().supervisor
        st.markdown("**Models on this computer**")
        draw_kept_error(_PROBLEM, "This cannot be done")
        if (problem := supervisor.problem) is not None:
            draw_error(PaddockError(problem.reason, advice=problem.advice), "The other model could not start")
            st.button("Dismiss", key="model-dismiss", on_click=_dismiss)
        try:
            models = self._list_models()
        except PaddockError as error:
            draw_error(error)
            return
        status = registry().models.download_status(current_owner())
        for number, model in enumerate(models):
            if model.is_here:
                self._draw_model(number, model)
            elif model.source is not None and (status is None or status.model != model.source):
                self._draw_offer(number, model, model.source, is_free=status is None)
        _draw_sizes_button()
        if status is not None:
            model_download_view.draw_download(status, _PROBLEM)
        _draw_box()
        if os.environ.get("PADDOCK_MODEL"):
            st.caption(
                "This server was started with a model of its own (PADDOCK_MODEL). After a restart that one answers."
            )
        if supervisor.next_model or (status is not None and status.is_running):
            refresh_after("models", _REFRESH_SECONDS)
        elif st.session_state.pop(_USED, False) and supervisor.problem is None:
            # It answers already. Otherwise the page is drawn again as soon as it does.
            st.rerun()

    def _list_models(self) -> list[ListedModel]:
        supervisor, models = registry().supervisor, list_models()
        # What the server was started with, and what was named by its path or its address.
        for model in (supervisor.model, supervisor.next_model, str(st.session_state.get(_NAMED, ""))):
            with suppress(BadInput):
                if model and (described := describe_model(model)).key not in {
                    listed.key for listed in models
                }:
                    models.append(described)
        here = {listed.key for listed in models}
        models += [
            ListedModel(size.id, size.name, is_here=False, size=size.size, source=size)
            for size in _listed_sizes()
            if size.id not in here
        ]
        return models

    def _draw_model(self, number: int, model: ListedModel) -> None:
        supervisor = registry().supervisor
        is_answering = model.key == registry().models.answering
        with st.container(horizontal=True, vertical_alignment="center", key=f"model-{number}"):
            _draw_name(model)
            if model.key == supervisor.next_model:
                is_first = not isinstance(supervisor.state, Ready)
                until = "" if is_first else " The other model answers until this one does."
                st.caption(f"Starting …{until}", width="content")
            elif is_answering and self.is_used and not supervisor.next_model:
                st.caption(":material/check: answers now", width="content")
            else:
                st.button("Use", key=f"model-use-{number}", on_click=self._use, args=(model.key,))
            if model.id and not is_answering and model.key != supervisor.next_model:
                _draw_remove(number, model)
        if not is_answering and (missing := describe_missing_memory(model)):
            st.caption(f":orange[:material/memory: {escape_markdown(missing)}]")

    def _draw_offer(self, number: int, model: ListedModel, source: RemoteModel, *, is_free: bool) -> None:
        """Draw a model that can be downloaded. ``is_free``: there is no other download."""
        problem: PaddockError | None = None
        with st.container(key=f"model-{number}", gap="small"):
            place = st.container(horizontal=True, vertical_alignment="center")
            try:
                host = source.host or hub_from_environment().endpoint.host
                st.caption(f"{_describe_needs(model, source, host)} This computer has {describe_room()}.")
                require_room(source, model.downloaded)
            except PaddockError as error:
                problem = error
            except OSError as error:
                problem = PaddockError(f"The data folder cannot be used: {error.strerror or error}.")
            with place:
                _draw_name(model)
                if problem is None and st.session_state.get(_LICENCE) != model.key:
                    st.button(
                        "Continue" if model.downloaded else "Download",
                        key=f"model-download-{number}",
                        icon=":material/download:",
                        disabled=not is_free,
                        help=None if is_free else "Another model is being downloaded.",
                        on_click=_ask_licence if _is_asked(source.licence) else _download,
                        args=(model.key,),
                    )
                if model.id:
                    _draw_remove(number, model)
            if model.downloaded:
                st.caption(f"{model.downloaded / 1e6:,.0f} MB are here already.")
            if problem is not None:
                draw_error(problem, f"{source.name} cannot be downloaded")
            elif st.session_state.get(_LICENCE) == model.key and source.licence is not None:
                _draw_licence(model.key, source.licence)

    def _use(self, model: str) -> None:
        with keep_error(_PROBLEM):
            # Not the owner of the last drawing: whoever asks now must be the local one.
            registry().models.use(current_owner(), model)
            self.choose()
            st.session_state[_USED] = True


def _draw_licence(model: str, licence: Licence) -> None:
    with st.container(border=True, key="model-licence-text"):
        st.markdown(f"**{licence.name}**")
        st.caption(licence.notice)
        with st.container(height=220):
            st.text(licence.text())
        st.caption("Accepted once, for this computer. Without it nothing is downloaded.")
        with st.container(horizontal=True):
            st.button(
                "I accept: download",
                key="model-accept",
                type="primary",
                on_click=_accept,
                args=(model,),
            )
            st.button("Not now", key="model-refuse", on_click=_forget_licence)


def _draw_name(model: ListedModel) -> None:
    size = f" :small[{model.size / 1e6:,.0f} MB]" if model.size and model.is_here else ""
    st.markdown(f"**{escape_markdown(model.name)}**{size}", width="stretch")


def _describe_needs(model: ListedModel, source: RemoteModel, host: str) -> str:
    if not model.size:
        return (
            f"From {host}, which says how large it is when the download begins. Read its licence there first."
        )
    memory = f" Needs {source.memory / 1e9:.1f} GB of memory." if source.memory else ""
    return f"{model.size / 1e6:,.0f} MB from {host}.{memory}"


def _draw_remove(number: int, model: ListedModel) -> None:
    with st.popover("Remove", icon=":material/delete:", key=f"model-remove-{number}"):
        size = (model.size if model.is_here else model.downloaded) / 1e6
        st.markdown(f"{size:,.0f} MB of {escape_markdown(model.name)} are deleted from this computer.")
        st.button("Delete", key=f"model-delete-{number}", on_click=_remove, args=(model.key,))


def _listed_sizes() -> tuple[RemoteModel, ...]:
    """Return the other sizes that are shown; the hub is asked once, when the user opens them."""
    if _SIZES not in st.session_state:
        return ()
    if st.session_state[_SIZES] is None:
        model = model_source.CATALOGUE[0]
        try:
            with st.spinner(f"Asking {hub_from_environment().endpoint.host} …"):
                st.session_state[_SIZES] = registry().models.fetch_sizes(current_owner(), model.id)
        except PaddockError as error:
            st.session_state[_SIZES] = error
    found: tuple[RemoteModel, ...] | PaddockError = st.session_state[_SIZES]
    return () if isinstance(found, PaddockError) else found


def _draw_sizes_button() -> None:
    """Draw the button that shows or hides the other sizes of the catalogue's model, and what went wrong with them."""
    is_open = _SIZES in st.session_state
    st.button(
        "Hide other sizes" if is_open else f"Other sizes of {model_source.CATALOGUE[0].name}",
        key="model-sizes",
        type="tertiary",
        icon=":material/expand_less:" if is_open else ":material/expand_more:",
        on_click=_toggle_sizes,
        help=None
        if is_open
        else "Larger files of the same model: more exact, slower. Asks the hub for its list.",
    )
    if isinstance(problem := st.session_state.get(_SIZES), PaddockError):
        draw_error(problem, "The other sizes cannot be listed")


def _toggle_sizes() -> None:
    if _SIZES in st.session_state:
        del st.session_state[_SIZES]
    else:
        st.session_state[_SIZES] = None


def _draw_box() -> None:
    """Draw the box for a model that is not in the list."""
    with st.form("model-other", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Another model: the path of a GGUF file, or an https address",
            key=_BOX,
            placeholder="/path/to/model.gguf",
        )
        st.form_submit_button("Add", key="model-add", on_click=_name_model)


def _name_model() -> None:
    text = str(st.session_state.get(_BOX, "")).strip()
    with keep_error(_PROBLEM):
        if text:
            registry().models.check_named(current_owner(), text)
            st.session_state[_NAMED], st.session_state[_BOX] = text, ""


def _remove(model: str) -> None:
    with keep_error(_PROBLEM):
        registry().models.remove(current_owner(), model)
        if st.session_state.get(_NAMED) == model:
            del st.session_state[_NAMED]


def _is_asked(licence: Licence | None) -> bool:
    return licence is not None and not licence.is_accepted()


def _forget_licence() -> None:
    st.session_state.pop(_LICENCE, None)


def _ask_licence(model: str) -> None:
    st.session_state[_LICENCE] = model


def _accept(model: str) -> None:
    _forget_licence()
    _download(model, accepts_licence=True)


def _download(model: str, *, accepts_licence: bool = False) -> None:
    with keep_error(_PROBLEM):
        registry().models.download(current_owner(), model, accepts_licence=accepts_licence)


def _dismiss() -> None:
    with keep_error(_PROBLEM):
        registry().models.dismiss_problem(current_owner())
