"""The base of a page's actions: they need a backend, and keep their errors until the page is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVarTuple

import streamlit as st

from lib.api.backend import Backend
from lib.errors import BadInput, PaddockError
from lib.ui.shell.registry import registry
from lib.ui.widgets import error_box

Ts = TypeVarTuple("Ts")


class PageActions:
    """``backend`` is None while there is none, and ``advice`` says what to do then.

    Errors are kept under ``error_key`` of the session's state.
    """

    def __init__(
        self,
        backend: Backend | None,
        error_key: str,
        advice: str = "Your text is kept. Send it again in a moment.",
    ) -> None:
        self._backend = backend
        self._error_key = error_key
        self._advice = advice

    @property
    def backend(self) -> Backend | None:
        """The backend; the current twin's if another model has taken over since the page was drawn."""
        return registry().supervisor.up_to_date(self._backend)

    @property
    def is_billed(self) -> bool:
        """True if the next request costs money, as far as it is known."""
        backend = self.backend
        return backend is None or backend.billed

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Keep an error that is raised inside until the page is drawn again."""
        try:
            yield
        except PaddockError as error:
            self.keep_error(error)

    def attempt(self, act: Callable[[*Ts], object], *args: *Ts) -> bool:
        """Call a function. If it fails, keep its error until the page is drawn again, and return False."""
        with self.errors():
            act(*args)
            return True
        return False

    def ask(self, act: Callable[[*Ts, Backend], object], *args: *Ts) -> bool:
        """Call a function with the backend as last argument. If it fails, keep the error, and return False."""
        return self.attempt(lambda: act(*args, self.require_backend()))

    def pop_error(self) -> PaddockError | None:
        """Return the error of the last action, once."""
        return error_box.pop_kept_error(self._error_key)

    def keep_error(self, error: PaddockError) -> None:
        """Keep an error until the page is drawn again."""
        st.session_state[self._error_key] = error

    def require_backend(self) -> Backend:
        """Return the backend. Raise BadInput if there is none."""
        backend = self.backend  # read once: it follows a change of the model
        if backend is None:
            raise BadInput("The model on this computer is still starting.", advice=self._advice)
        return backend
