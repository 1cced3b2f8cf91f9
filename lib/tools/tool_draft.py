"""Tools while they are being edited: what is half done is kept, and tools without a fault come out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from lib.errors import BadInput
from lib.model.request_options import Tool
from lib.tools.tool_form import Parameter, row_faults, rows, schema
from lib.tools.tool_spec import check, faults, read_tools, write_tools


@dataclass(frozen=True)
class Row:
    """A parameter in the form. ``id`` stays while it is edited."""

    id: int
    parameter: Parameter


@dataclass(frozen=True)
class Entry:
    """A tool in the form. ``rows`` are its parameters; None where they go beyond the form: their text holds then."""

    id: int
    tool: Tool
    rows: tuple[Row, ...] | None

    def with_rows(self, changed: Iterable[Row]) -> Entry:
        """With other parameters; their text follows."""
        rows = tuple(changed)
        return replace(
            self, rows=rows, tool=replace(self.tool, parameters=schema([row.parameter for row in rows]))
        )


@dataclass(frozen=True)
class Draft:
    """``good`` are the last tools without a fault. ``text`` is what is typed where JSON is edited, None in the form.

    ``seen`` is what the caller last showed: what differs from it and from ``good`` was changed elsewhere.
    """

    entries: tuple[Entry, ...]
    good: tuple[Tool, ...]
    seen: tuple[Tool, ...]
    text: str | None = None
    next: int = 0

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools of the form, whatever is wrong with them."""
        return tuple(entry.tool for entry in self.entries)

    @property
    def problem(self) -> BadInput | None:
        """What is wrong with all of it, None where nothing is."""
        try:
            self._read()
        except BadInput as error:
            return error
        return None

    def entry_faults(self, entry: Entry) -> dict[str, str]:
        """What is wrong with that tool, by its part; what a row can say of itself is not repeated."""
        number = self.entries.index(entry)
        found: dict[str, str] = {}
        for fault in faults(self.tools):
            if fault.number == number:
                found.setdefault(fault.part, fault.message)
        return found

    def add(self, tool: Tool) -> Draft:
        """With one tool more, under a name that is free."""
        name = _free(tool.name, [one.name for one in self.tools])
        taken = self._taken(replace(tool, name=name))
        return taken._settled(entries=(*self.entries, taken.entries[-1]))

    def remove(self, id: int) -> Draft:
        """Without that tool."""
        return self._settled(entries=tuple(entry for entry in self.entries if entry.id != id))

    def change(self, id: int, how: Callable[[Entry], Entry]) -> Draft:
        """With that tool changed."""
        return self._settled(entries=tuple(how(one) if one.id == id else one for one in self.entries))

    def add_row(self, id: int) -> Draft:
        """With one parameter more in that tool."""
        known = next(entry for entry in self.entries if entry.id == id)
        name = _free("value", [row.parameter.name for row in known.rows or ()])
        row = Row(self.next, Parameter(name))
        grown = replace(self, next=self.next + 1)
        return grown.change(id, lambda entry: entry.with_rows((*(entry.rows or ()), row)))

    def with_text(self, text: str) -> Draft:
        """With that JSON text in the place of the form."""
        return replace(self, text=text)._settled()

    def as_text(self) -> Draft:
        """The form as JSON text. Raises BadInput where two parameters of one name would become one."""
        for entry in self.entries:
            for row, wrong in zip(entry.rows or (), self.wrong_rows(entry), strict=True):
                if "name" in wrong:
                    where = f"“{entry.tool.name}”, “{row.parameter.name}”"
                    raise BadInput(
                        f"{where}: {wrong['name']} JSON cannot hold that.",
                        advice="Change it in the form first.",
                    )
        return replace(self, text=write_tools(self.tools))

    def as_form(self) -> Draft:
        """The text as a form. Raises BadInput where the text cannot be read."""
        return self._taken(*self._read(), afresh=True)

    def discarded(self) -> Draft:
        """Without the text: the last good tools as a form."""
        return self._taken(*self.good, afresh=True)

    def wrong_rows(self, entry: Entry) -> tuple[dict[str, str], ...]:
        """What is wrong with each of its rows, by field."""
        return row_faults([row.parameter for row in entry.rows or ()])

    def _read(self) -> tuple[Tool, ...]:
        if self.text is not None:
            return read_tools(self.text)
        for entry in self.entries:
            for wrong in self.wrong_rows(entry):
                for message in wrong.values():
                    raise BadInput(f"“{entry.tool.name}”: {message}")
        check(self.tools)
        return self.tools

    def _settled(self, entries: tuple[Entry, ...] | None = None) -> Draft:
        draft = self if entries is None else replace(self, entries=entries)
        try:
            return replace(draft, good=draft._read())
        except BadInput:
            return draft

    def _taken(self, *tools: Tool, afresh: bool = False) -> Draft:
        next, entries = self.next, [] if afresh else list(self.entries)
        for tool in tools:
            found = rows(tool.parameters)
            lines = None if found is None else tuple(Row(next + 1 + at, row) for at, row in enumerate(found))
            entries.append(Entry(next, tool, lines))
            next += 1 + len(found or ())
        return replace(self, entries=tuple(entries), text=None if afresh else self.text, next=next)


def draft(tools: Iterable[Tool]) -> Draft:
    """Those tools as a form."""
    good = tuple(tools)
    return Draft((), good, good)._taken(*good, afresh=True)


def _free(name: str, taken: Iterable[str]) -> str:
    used, number = set(taken), 2
    free = name
    while free in used:
        free, number = f"{name}_{number}", number + 1
    return free
