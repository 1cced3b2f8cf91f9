"""Bind a control to a value that is kept elsewhere: in a chat's settings, an experiment's plan or an editor's draft.

Streamlit can lose or undo such a value in three ways:

- A control whose code the browser fetches late starts with its default, and reports that as chosen. So the value is
  always the control's default.
- A value that is set by key is lost if another run follows before the browser has drawn the first. So no value is set
  by key: if the value was changed by anything but the control, another control, with a new key, takes its place.
- A message that left the browser before it heard of such a change brings the old value along. So a change that is
  reported under a key which is no longer in use is ignored.

A control that the user is working with keeps its key, and so its focus, its drag and its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import streamlit as st

T = TypeVar("T")

# One entry in the session's state for all controls: Streamlit copies every entry for each control with a key.
_CONTROLS = "bound-controls"
_CHOICES = "bound-choices"
_SEPARATOR = "--"  # between a control's name and how often it was replaced


@dataclass(frozen=True)
class Bound(Generic[T]):
    """The arguments of a control: ``value`` is to be its default."""

    key: str
    value: T
    on_change: Callable[[], None]

    def arguments(self, of_value: str = "value") -> dict[str, Any]:
        """Return the arguments by name; ``of_value`` is the name that the control has for its default."""
        return {of_value: self.value, "key": self.key, "on_change": self.on_change}


@dataclass
class _Control:
    """``shown_value`` is the value that the control shows: as it was drawn, or as the browser reported it."""

    shown_value: Any
    take: Callable[[Any], object]
    replaced: int = 0  # how often another control took its place

    def key(self, name: str) -> str:
        return f"{name}{_SEPARATOR}{self.replaced}" if self.replaced else name


def bind(name: str, value: T, take: Callable[[T], object]) -> Bound[T]:
    """Bind the control of that name to the value. ``take`` is called in a callback with each other value chosen.

    The first key is the name itself. ``value`` must not be changed in place.
    """
    control = _controls().get(name)
    if control is None:
        control = _controls()[name] = _Control(value, take)
    elif control.shown_value != value:
        control.shown_value = value
        control.replaced += 1
    control.take = take
    key = control.key(name)
    return Bound(key, value, partial(_report_change, key))


def bind_choice(
    name: str, options: Sequence[T], default: T | None = None, on_change: Callable[[], object] | None = None
) -> Bound[T]:
    """Bind a control to a choice that is kept here alone, until it is no longer among the options.

    It begins with ``default``, else with the first option. ``on_change`` is called after another was chosen.
    """
    choices: dict[str, Any] = st.session_state.setdefault(_CHOICES, {})
    if choices.get(name) not in options:
        choices[name] = options[0] if default is None else default

    def take(chosen: T | None) -> None:
        # A control that the browser has not drawn yet may report that nothing is chosen.
        if chosen is not None:
            choices[name] = chosen
            if on_change is not None:
                on_change()

    return bind(name, choices[name], take)


def choose(name: str, option: object) -> None:
    """Choose an option of a choice that ``bind_choice`` keeps under that name."""
    st.session_state.setdefault(_CHOICES, {})[name] = option


def draw_choice(label: str, options: Sequence[T], choice: Bound[T], **others: Any) -> T:
    """Draw a segmented control of the options, and return the choice. ``others`` are Streamlit's arguments."""
    # A list: Streamlit imports pandas to read an enum's member.
    default = {"default": [choice.value]}
    arguments = {"required": True} | choice.arguments("default") | default | others
    st.segmented_control(label, options, **arguments)
    return choice.value


def draw_selectbox(label: str, options: Sequence[T], choice: Bound[T], **others: Any) -> T:
    """Draw a select box of the options, and return the choice. ``others`` are Streamlit's arguments."""
    index = None if choice.value is None else options.index(choice.value)
    st.selectbox(label, options, index, key=choice.key, on_change=choice.on_change, **others)
    return choice.value


def draw_stars(name: str, rating: int | None, rate: Callable[[int | None], object]) -> None:
    """Draw a rating of 1 to 5 stars, None for none. ``rate`` is called with each other rating chosen."""
    # Streamlit counts the stars from 0.
    stars = bind(
        name,
        None if rating is None else rating - 1,
        lambda chosen: rate(None if chosen is None else chosen + 1),
    )
    st.feedback("stars", **stars.arguments("default"))


def forget_choices(prefix: str) -> None:
    """Forget the choices under names with that prefix."""
    choices: dict[str, Any] = st.session_state.get(_CHOICES, {})
    for name in [name for name in choices if name.startswith(prefix)]:
        del choices[name]


def report(key: str, value: Any) -> None:
    """Take a value that the browser reported for the control of that key. Ignore it if the control was replaced."""
    control = _current_control(key)
    if control is not None and control.shown_value != value:
        control.shown_value = value
        control.take(value)


def shown(key: str) -> Any:
    """Return the value that the control of that key shows, None if another has taken its place."""
    control = _current_control(key)
    return None if control is None else control.shown_value


def replace(key: str) -> None:
    """Replace the control of that key by a new one when it is drawn next."""
    control = _current_control(key)
    if control is not None:
        control.replaced += 1


def _controls() -> dict[str, _Control]:
    controls: dict[str, _Control] = st.session_state.setdefault(_CONTROLS, {})
    return controls


def _current_control(key: str) -> _Control | None:
    """Return the control of that key, None if another has taken its place."""
    for name in (key, key.rpartition(_SEPARATOR)[0]):
        control = _controls().get(name)
        if control is not None and control.key(name) == key:
            return control
    return None


def _report_change(key: str) -> None:
    report(key, st.session_state[key])
