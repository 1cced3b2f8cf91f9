"""The text models of the account: price, context window and abilities of each, and the settings of a chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from lib.api.backend import Backend
from lib.api.model_catalogue import Catalogue
from lib.errors import PaddockError
from lib.model.catalogue_entry import Ability, CatalogueEntry
from lib.model.catalogue_model import build_model, listed_price
from lib.model.model_record import default_model, format_number, models
from lib.model.pricing import cost_in_dollars, format_exact
from lib.model.schema_reader import (
    REQUEST_FIELDS,
    DocumentedParameter,
    InputSchema,
    OmittedProperty,
    ParameterKind,
    read_input_schema,
)
from lib.model.usage import Usage
from lib.ui.model.model_trial import draw_model_trial
from lib.ui.shell.account_catalogue import model_catalogue
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.local_time import format_local_time
from lib.ui.widgets.safe_markdown import escape_markdown

_MODEL = "other-model"
_THOUSAND_ANSWERS = "1,000 answers, $"
_MAX_TOKENS = 1_000_000
_ABILITIES = {
    Ability.FUNCTIONS: "functions",
    Ability.REASONING: "reasoning",
    Ability.VISION: "pictures",
    Ability.LORA: "adapters",
}
_KINDS = {
    ParameterKind.NUMBER: "number",
    ParameterKind.INTEGER: "whole number",
    ParameterKind.CHOICE: "choice",
    ParameterKind.SWITCH: "on or off",
}


def draw_account_models(backend: Backend | None) -> None:
    """Draw the list of the backend's models, and what the schema of the chosen one documents."""
    if backend is None:
        st.caption("The list appears here when the practice model has started.")
        return
    catalogue = _load(backend)
    if catalogue is None:
        return
    if not catalogue.entries:
        st.caption("The service lists no text models for this account.")
        return
    usage = _draw_size()
    entries = sorted(catalogue.entries, key=lambda entry: entry.id)
    rows = [_row(entry, name, usage) for entry, name in zip(entries, _short_names(entries), strict=True)]
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(catalogue.entries) <= 12 else 460,
        column_config={
            # A table cuts a text at its edge without “…”.
            "Model": st.column_config.TextColumn(width=_text_width(rows, "Model")),
            "Abilities": st.column_config.TextColumn(width=_text_width(rows, "Abilities")),
            "Context": st.column_config.NumberColumn(format="localized", width=80),
            "Reading, $": st.column_config.NumberColumn(format="%.3f", width=80),
            "Writing, $": st.column_config.NumberColumn(format="%.3f", width=76),
            _THOUSAND_ANSWERS: st.column_config.NumberColumn(format="%.4g", width=116),
        },
        key="other-models",
    )
    st.caption(
        "Reading and writing: US dollars per million tokens, as the service lists them. None: not listed."
    )
    ids = sorted(entry.id for entry in catalogue.entries)
    first = default_model().id if default_model().id in ids else ids[0]
    chosen = st.selectbox("Model", ids, index=ids.index(first), key=_MODEL, persist_state="session")
    entry = next(entry for entry in catalogue.entries if entry.id == chosen)
    _draw_entry(entry)
    _draw_schema(backend, entry)


def _load(backend: Backend) -> Catalogue | None:
    """Return the list of models, loaded at the first time; draw its date, and the error if it cannot be loaded."""
    catalogue = model_catalogue().find(backend)
    place = st.container(horizontal=True, vertical_alignment="center", gap="small")
    again = place.button(
        "Refresh",
        key="other-models-refresh",
        icon=":material/refresh:",
        type="tertiary",
        help="Asks the service for its list of models. Free of charge.",
    )
    problem: PaddockError | None = None
    if catalogue is None or again:
        try:
            with st.spinner("Loading the list of models…"):
                catalogue = model_catalogue().refresh(backend)
        except PaddockError as error:
            problem = error
    if catalogue is not None:
        count = len(catalogue.entries)
        place.caption(
            f"{count} text model{'s' * (count != 1)} of {escape_markdown(backend.label)}, "
            f"as listed on {format_local_time(catalogue.fetched_at)}.",
        )
    if problem is not None:
        draw_error(problem)
    return catalogue


def _draw_size() -> Usage:
    """Draw the size of an answer whose cost is compared; return its usage."""
    with st.container(horizontal=True, gap="small"):
        read, written = (
            st.number_input(
                f"Tokens to {verb}, per answer",
                min_value=1,
                max_value=_MAX_TOKENS,
                value=value,
                step=1,
                key=key,
                width=212,
                persist_state="session",
                help=f"For the column “{_THOUSAND_ANSWERS}”.",
            )
            for verb, key, value in (("read", "other-in", 500), ("write", "other-out", 200))
        )
    return Usage(int(read), int(written))


def _short_names(entries: Sequence[CatalogueEntry]) -> list[str]:
    """Return the last part of each id, the whole id where two models share that part."""
    names = [entry.id.rpartition("/")[2] for entry in entries]
    return [name if names.count(name) == 1 else entry.id for entry, name in zip(entries, names, strict=True)]


def _text_width(rows: Sequence[dict[str, Any]], column: str) -> int:
    """Return the width in pixels in which the texts of a column are whole, within limits."""
    longest = max(len(row[column]) for row in rows)
    return min(max(round(longest * 6.5) + 18, 110), 340)


def _row(entry: CatalogueEntry, name: str, usage: Usage) -> dict[str, Any]:
    price = listed_price(entry)
    return {
        "Model": name,
        "Context": entry.context_window,
        "Reading, $": None if entry.input_price is None else float(entry.input_price),
        "Writing, $": None if entry.output_price is None else float(entry.output_price),
        _THOUSAND_ANSWERS: None if price is None else float(cost_in_dollars(usage, price) * 1000),
        "Abilities": ", ".join(
            _abilities(entry) + [f"ends {entry.retires_on}"] * (entry.retires_on is not None)
        ),
    }


def _abilities(entry: CatalogueEntry) -> list[str]:
    return [label for ability, label in _ABILITIES.items() if ability in entry.abilities]


def _draw_entry(entry: CatalogueEntry) -> None:
    facts = [
        "context window not listed"
        if entry.context_window is None
        else f"{entry.context_window:,} tokens of context",
        _price("to read", entry.input_price),
        _price("to write", entry.output_price),
    ]
    if entry.cached_input_price is not None:
        facts.append(_price("to read again (cached)", entry.cached_input_price))
    facts += _abilities(entry)
    if entry.is_beta:
        facts.append("beta")
    if entry.needs_paid_plan:
        facts.append("Workers Paid only")
    if entry.terms:
        facts.append(f"[Terms and licence]({entry.terms.replace(')', '%29')})")
    st.markdown(f"{escape_markdown(entry.description)}\n\n:small[{' · '.join(facts)}]")
    if entry.retires_on is not None:
        st.warning(f"Cloudflare will end this model on {entry.retires_on}.", icon=":material/event_busy:")


def _price(purpose: str, price: Decimal | None) -> str:
    return f"price {purpose} not listed" if price is None else f"\\${format_exact(price)} {purpose}"


def _draw_schema(backend: Backend, entry: CatalogueEntry) -> None:
    model = models().get(entry.id)
    try:
        if model is not None:
            schema = model.input_schema
        else:
            with st.spinner("Loading the settings of this model…"):
                schema = model_catalogue().fetch_schema(backend, entry.id)
            model = build_model(entry, schema)
    except PaddockError as error:
        draw_error(error)
        return
    read = read_input_schema(schema)
    draw_model_trial(backend, model, read)
    _draw_parameters(read)


def _draw_parameters(read: InputSchema) -> None:
    if read == InputSchema():
        st.caption("The service documents no settings for this model.")
        return
    st.subheader("Its settings", anchor=False)
    if read.parameters:
        with st.container(key="other-model-settings"):
            st.markdown("\n".join(map(_describe_parameter, read.parameters)))
    fields = sorted(read.fields & REQUEST_FIELDS)
    if fields:
        st.caption(f"It also takes {', '.join(f'`{field}`' for field in fields)}.")
    if read.omitted:
        with st.expander(f"Not offered as a setting: {len(read.omitted)}", key="other-model-omitted"):
            st.markdown("\n".join(f"- {_describe_omitted(omitted)}" for omitted in read.omitted))


def _describe_parameter(parameter: DocumentedParameter) -> str:
    facts = " · ".join((f"`{_in_code(parameter.name)}`", _values(parameter), _default(parameter)))
    return f"- {facts}" + (f"  \n  {_in_line(parameter.help)}" if parameter.help else "")


def _values(parameter: DocumentedParameter) -> str:
    if parameter.kind is ParameterKind.CHOICE:
        return ", ".join(_in_line(str(choice)) for choice in parameter.choices)
    kind = _KINDS[parameter.kind]
    match parameter.minimum, parameter.maximum:
        case None, None:
            return kind
        case minimum, None:
            return f"{kind}, from {_number(minimum)}"
        case None, maximum:
            return f"{kind}, up to {_number(maximum)}"
        case minimum, maximum:
            return f"{kind}, {_number(minimum)} to {_number(maximum)}"


def _number(value: int | float | None) -> str:
    return "" if value is None else _in_line(format_number(value))


def _default(parameter: DocumentedParameter) -> str:
    match parameter.default:
        case None:
            return "no documented default"
        case bool() as default:
            return f"default {'on' if default else 'off'}"
        case int() | float() as default:
            return f"default {_number(default)}"
        case default:
            return f"default {_in_line(default)}"


def _describe_omitted(omitted: OmittedProperty) -> str:
    return f"`{_in_code(omitted.name)}`: {omitted.reason}" if omitted.name else omitted.reason.capitalize()


def _in_line(text: str) -> str:
    return escape_markdown(" ".join(text.split()))


def _in_code(name: str) -> str:
    """Return a name for a code span, without the signs that would end it."""
    return "".join(char if char.isprintable() and char != "`" else "�" for char in name)
