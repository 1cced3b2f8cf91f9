"""A notice in the page that comes, changes and goes while a script streams an answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import streamlit as st

Reason = TypeVar("Reason", bound=Hashable)


class ChangingNotice(Generic[Reason]):
    """A place in the page, at the point where it is made. Cheap to update.

    ``draw`` draws the notice for the reason that ``find_reason`` returns, again whenever it is another one. There is
    no notice while the reason is None.
    """

    def __init__(self, find_reason: Callable[[], Reason | None], draw: Callable[[Reason], None]) -> None:
        self._find_reason = find_reason
        self._draw = draw
        self._drawn: Reason | None = None
        self._place = st.empty()
        self.update()

    def update(self) -> None:
        """Draw or remove the notice if its reason has changed."""
        reason = self._find_reason()
        if reason == self._drawn:
            return
        self._drawn = reason
        if reason is None:
            self._place.empty()
            return
        with self._place.container():
            self._draw(reason)
