"""Tools while they are being edited: the draft may have faults, the last valid tools are kept beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from lib.errors import BadInput
from lib.jsonkit.schema_form import free_name
from lib.model.request_options import Tool
from lib.tools.tool_form import ToolParameter, find_row_faults, rows_to_schema, schema_to_rows
from lib.tools.tool_spec import check_tools, find_tool_faults, read_tools, write_tools


@dataclass(frozen=True)
class ParameterRow:
    """A parameter in the form. ``id`` stays the same while it is edited."""

    id: int
    parameter: ToolParameter


@dataclass(frozen=True)
class ToolEntry:
    """A tool in the form. ``rows`` are its parameters; None if rows cannot show them, but only JSON text can."""

    id: int
    tool: Tool
    rows: tuple[ParameterRow, ...] | None

    def with_rows(self, changed: Iterable[ParameterRow]) -> ToolEntry:
        """Return a copy with other rows, and with their schema as the tool's parameters."""
        rows = tuple(changed)
        parameters = rows_to_schema([row.parameter for row in rows])
        return replace(self, rows=rows, tool=replace(self.tool, parameters=parameters))


@dataclass(frozen=True)
class ToolsDraft:
    """The state of the editor. ``text`` is the JSON that is edited, None while the form is shown.

    ``valid_tools`` are the last tools without a fault. ``last_shown`` are the tools that the caller showed last:
    tools that differ from both were changed elsewhere.
    """

    entries: tuple[ToolEntry, ...]
    valid_tools: tuple[Tool, ...]
    last_shown: tuple[Tool, ...]
    text: str | None = None
    next_id: int = 0

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools of the form, also those with faults."""
        return tuple(entry.tool for entry in self.entries)

    @property
    def problem(self) -> BadInput | None:
        """The first error of the draft."""
        try:
            self._parse()
        except BadInput as error:
            return error
        return None

    def entry_faults(self, entry: ToolEntry) -> dict[str, str]:
        """Return the first fault of each part of a tool; the rows have their own faults: ``find_row_faults``."""
        number = self.entries.index(entry)
        faults: dict[str, str] = {}
        for fault in find_tool_faults(self.tools):
            if fault.number == number:
                faults.setdefault(fault.part, fault.message)
        return faults

    def add_tool(self, tool: Tool) -> ToolsDraft:
        """Return a copy with one more tool, under a free name."""
        name = free_name(tool.name, [other.name for other in self.tools])
        return self._with_entries(replace(tool, name=name))._update_valid_tools()

    def remove_tool(self, id: int) -> ToolsDraft:
        """Return a copy without a tool."""
        entries = tuple(entry for entry in self.entries if entry.id != id)
        return replace(self, entries=entries)._update_valid_tools()

    def change_tool(self, id: int, how: Callable[[ToolEntry], ToolEntry]) -> ToolsDraft:
        """Return a copy in which ``how`` has changed a tool."""
        entries = tuple(how(entry) if entry.id == id else entry for entry in self.entries)
        return replace(self, entries=entries)._update_valid_tools()

    def add_row(self, id: int) -> ToolsDraft:
        """Return a copy with one more parameter in a tool."""
        tool = next(entry for entry in self.entries if entry.id == id)
        name = free_name("value", [row.parameter.name for row in tool.rows or ()])
        row = ParameterRow(self.next_id, ToolParameter(name))
        grown = replace(self, next_id=self.next_id + 1)
        return grown.change_tool(id, lambda entry: entry.with_rows((*(entry.rows or ()), row)))

    def with_text(self, text: str) -> ToolsDraft:
        """Return a copy that edits this JSON text instead of the form."""
        return replace(self, text=text)._update_valid_tools()

    def as_text(self) -> ToolsDraft:
        """Return a copy that edits the form as JSON. Raises BadInput if two parameters have the same name."""
        for entry in self.entries:
            for row, faults in zip(entry.rows or (), self.find_row_faults(entry), strict=True):
                if "name" in faults:
                    where = f"“{entry.tool.name}”, “{row.parameter.name}”"
                    message = f"{where}: {faults['name']} JSON cannot hold that."
                    raise BadInput(message, advice="Change it in the form first.")
        return replace(self, text=write_tools(self.tools))

    def as_form(self) -> ToolsDraft:
        """Return a copy that edits the JSON text as a form. Raises BadInput if the text has a fault."""
        return self._as_form(self._parse())

    def discard_text(self) -> ToolsDraft:
        """Return a copy that drops the JSON text and edits the last valid tools as a form."""
        return self._as_form(self.valid_tools)

    def find_row_faults(self, entry: ToolEntry) -> tuple[dict[str, str], ...]:
        """Return the faults of each row of a tool, by field."""
        return find_row_faults([row.parameter for row in entry.rows or ()])

    def _parse(self) -> tuple[Tool, ...]:
        if self.text is not None:
            return read_tools(self.text)
        for entry in self.entries:
            for faults in self.find_row_faults(entry):
                for message in faults.values():
                    raise BadInput(f"“{entry.tool.name}”: {message}")
        check_tools(self.tools)
        return self.tools

    def _update_valid_tools(self) -> ToolsDraft:
        try:
            return replace(self, valid_tools=self._parse())
        except BadInput:
            return self

    def _as_form(self, tools: Iterable[Tool]) -> ToolsDraft:
        return replace(self, entries=(), text=None)._with_entries(*tools)

    def _with_entries(self, *tools: Tool) -> ToolsDraft:
        next_id, entries = self.next_id, list(self.entries)
        for tool in tools:
            parameters = schema_to_rows(tool.parameters)
            rows = tuple(ParameterRow(id, row) for id, row in enumerate(parameters or (), next_id + 1))
            entries.append(ToolEntry(next_id, tool, None if parameters is None else rows))
            next_id += 1 + len(rows)
        return replace(self, entries=tuple(entries), next_id=next_id)


def start_draft(tools: Iterable[Tool]) -> ToolsDraft:
    """Start to edit these tools as a form."""
    valid_tools = tuple(tools)
    return ToolsDraft((), valid_tools, valid_tools)._as_form(valid_tools)
