"""Refusing: what a page's buttons do, with what was refused kept until the page is drawn again."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.api.backend import Backend
from lib.errors import BadInput, PaddockError


class PageActions:
    """``place``: the key of what was refused, in the session's state. ``backend``: None while there is none.

    ``advice``: what to do about that.
    """

    def __init__(
        self,
        backend: Backend | None,
        place: str,
        advice: str = "Your text is kept: send it once the twin is there.",
    ) -> None:
        self.backend = backend
        self._place = place
        self._advice = advice

    def pop_error(self) -> PaddockError | None:
        """What was refused since the last drawing."""
        refused: PaddockError | None = st.session_state.pop(self._place, None)
        return refused

    def keep_error(self, error: PaddockError) -> None:
        """Keep it for the next drawing."""
        st.session_state[self._place] = error

    def run_with_backend(self, act: Callable[[Backend], object]) -> bool:
        """Do what needs a backend. False where it was refused."""

        def with_backend() -> None:
            if self.backend is None:
                raise BadInput("The twin is not up yet.", advice=self._advice)
            act(self.backend)

        return self.caught(with_backend)

    def caught(self, act: Callable[[], object]) -> bool:
        """Do it. False where it was refused."""
        try:
            act()
        except PaddockError as error:
            self.keep_error(error)
            return False
        return True
