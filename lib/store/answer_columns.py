"""The columns of an answer, which the tables of messages' answers and of experiments' cells share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from lib.api.request import Request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.snapshot import cut_off_error
from lib.files import value_codec

USAGE_COLUMNS = (
    *("prompt_tokens", "completion_tokens", "cached_tokens", "neurons", "estimated"),
    "from_gateway_cache",  # NULL is False
)
NO_ANSWER: dict[str, Any] = dict.fromkeys(
    (*USAGE_COLUMNS, "id", "text", "first_token", "total", "ending", "error", "calls")
)


def answer_to_columns(answer: Answer) -> dict[str, Any]:
    """Return the columns that NO_ANSWER names. The request and the backend are written elsewhere."""
    usage = {} if answer.usage is None else value_codec.write_usage(answer.usage)
    return (
        dict.fromkeys(USAGE_COLUMNS)
        | usage
        | {
            "id": answer.id,
            "text": answer.text,
            "first_token": answer.timings.first_token,
            "total": answer.timings.total,
            "ending": answer.ending.name,
            "error": None if answer.error is None else value_codec.write_error(answer.error),
            "calls": value_codec.write_calls(answer.calls) or None,
        }
    )


def answer_from_row(row: Row[Any], request: Request, backend: str, billed: bool) -> Answer:
    """Return the answer in a row. Without an ending it is cut off: it was running when its server ended."""
    error = None if row.error is None else value_codec.read_error(row.error)
    usage = None
    if row.prompt_tokens is not None:
        columns = {name: getattr(row, name) for name in USAGE_COLUMNS}
        usage = value_codec.read_usage(columns | {"from_gateway_cache": bool(columns["from_gateway_cache"])})
    return Answer(
        text=row.text,
        request=request,
        backend=backend,
        billed=billed,
        usage=usage,
        timings=Timings(row.first_token, row.total),
        ending=Ending.CUT_OFF if row.ending is None else Ending[row.ending],
        error=cut_off_error() if row.ending is None else error,
        calls=value_codec.read_calls(row.calls),
        id=row.id,
    )
