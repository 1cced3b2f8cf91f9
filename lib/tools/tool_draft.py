"""Tools while they are being edited: what is half done is kept, and tools without a fault come out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from lib.errors import BadInput
from lib.model.request_options import Tool
from lib.tools.tool_form import ToolParameter, find_row_faults, rows_to_schema, schema_to_rows
from lib.tools.tool_spec import check_tools, find_tool_faults, read_tools, write_tools


@dataclass(frozen=True)
class ParameterRow:
    """A parameter in the form. ``id`` stays while it is edited."""

    id: int
    parameter: ToolParameter


@dataclass(frozen=True)
class ToolEntry:
    """A tool in the form. ``rows`` are its parameters; None where they go beyond the form: their text holds then."""

    id: int
    tool: Tool
    rows: tuple[ParameterRow, ...] | None

    def with_rows(self, changed: Iterable[ParameterRow]) -> ToolEntry:
        """With other parameters; their text follows."""
        rows = tuple(changed)
        return replace(
            self,
            rows=rows,
            tool=replace(self.tool, parameters=rows_to_schema([row.parameter for row in rows])),
        )


@dataclass(frozen=True)
class ToolsDraft:
    """``good`` are the last tools without a fault. ``text`` is what is typed where JSON is edited, None in the form.

    ``seen`` is what the caller last showed: what differs from it and from ``good`` was changed elsewhere.
    """

    entries: tuple[ToolEntry, ...]
    valid_tools: tuple[Tool, ...]
    last_shown: tuple[Tool, ...]
    text: str | None = None
    next_id: int = 0

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

    def entry_faults(self, entry: ToolEntry) -> dict[str, str]:
        """What is wrong with that tool, by its part; what a row can say of itself is not repeated."""
        number = self.entries.index(entry)
        found: dict[str, str] = {}
        for fault in find_tool_faults(self.tools):
            if fault.number == number:
                found.setdefault(fault.part, fault.message)
        return found

    def add_tool(self, tool: Tool) -> ToolsDraft:
        """With one tool more, under a name that is free."""
        name = _free(tool.name, [one.name for one in self.tools])
        taken = self._taken(replace(tool, name=name))
        return taken._settled(entries=(*self.entries, taken.entries[-1]))

    def remove_tool(self, id: int) -> ToolsDraft:
        """Without that tool."""
        return self._settled(entries=tuple(entry for entry in self.entries if entry.id != id))

    def change_tool(self, id: int, how: Callable[[ToolEntry], ToolEntry]) -> ToolsDraft:
        """With that tool changed."""
        return self._settled(entries=tuple(how(one) if one.id == id else one for one in self.entries))

    def add_row(self, id: int) -> ToolsDraft:
        """With one parameter more in that tool."""
        known = next(entry for entry in self.entries if entry.id == id)
        name = _free("value", [row.parameter.name for row in known.rows or ()])
        row = ParameterRow(self.next_id, ToolParameter(name))
        grown = replace(self, next_id=self.next_id + 1)
        return grown.change_tool(id, lambda entry: entry.with_rows((*(entry.rows or ()), row)))

    def with_text(self, text: str) -> ToolsDraft:
        """With that JSON text in the place of the form."""
        return replace(self, text=text)._settled()

    def as_text(self) -> ToolsDraft:
        """The form as JSON text. Raises BadInput where two parameters of one name would become one."""
        for entry in self.entries:
            for row, wrong in zip(entry.rows or (), self.find_row_faults(entry), strict=True):
                if "name" in wrong:
                    where = f"“{entry.tool.name}”, “{row.parameter.name}”"
                    raise BadInput(
                        f"{where}: {wrong['name']} JSON cannot hold that.",
                        advice="Change it in the form first.",
                    )
        return replace(self, text=write_tools(self.tools))

    def as_form(self) -> ToolsDraft:
        """The text as a form. Raises BadInput where the text cannot be read."""
        return self._taken(*self._read(), afresh=True)

    def discard_text(self) -> ToolsDraft:
        """Without the text: the last good tools as a form."""
        return self._taken(*self.valid_tools, afresh=True)

    def find_row_faults(self, entry: ToolEntry) -> tuple[dict[str, str], ...]:
        """What is wrong with each of its rows, by field."""
        return find_row_faults([row.parameter for row in entry.rows or ()])

    def _read(self) -> tuple[Tool, ...]:
        if self.text is not None:
            return read_tools(self.text)
        for entry in self.entries:
            for wrong in self.find_row_faults(entry):
                for message in wrong.values():
                    raise BadInput(f"“{entry.tool.name}”: {message}")
        check_tools(self.tools)
        return self.tools

    def _settled(self, entries: tuple[ToolEntry, ...] | None = None) -> ToolsDraft:
        draft = self if entries is None else replace(self, entries=entries)
        try:
            return replace(draft, valid_tools=draft._read())
        except BadInput:
            return draft

    def _taken(self, *tools: Tool, afresh: bool = False) -> ToolsDraft:
        next, entries = self.next_id, [] if afresh else list(self.entries)
        for tool in tools:
            found = schema_to_rows(tool.parameters)
            lines = (
                None
                if found is None
                else tuple(ParameterRow(next + 1 + at, row) for at, row in enumerate(found))
            )
            entries.append(ToolEntry(next, tool, lines))
            next += 1 + len(found or ())
        return replace(self, entries=tuple(entries), text=None if afresh else self.text, next_id=next)


def start_draft(tools: Iterable[Tool]) -> ToolsDraft:
    """Those tools as a form."""
    good = tuple(tools)
    return ToolsDraft((), good, good)._taken(*good, afresh=True)


def _free(name: str, taken: Iterable[str]) -> str:
    used, number = set(taken), 2
    free = name
    while free in used:
        free, number = f"{name}_{number}", number + 1
    return free
