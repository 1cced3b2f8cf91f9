"""Times are shown in the browser's time zone; without one they are in UTC, and say so."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import streamlit as st

from lib.ui.widgets.local_time import format_local_time

SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
WINTER = datetime(2026, 1, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "offset", "moment", "expected"),
    [
        ("Europe/Berlin", None, SUMMER, "2026-07-02 00:30"),
        ("Europe/Berlin", None, WINTER, "2026-01-01 23:30"),
        ("Asia/Kolkata", 0, SUMMER, "2026-07-02 04:00"),
        # JavaScript's offset has the other sign: this is UTC+2.
        ("Nowhere/At_All", -120, SUMMER, "2026-07-02 00:30"),
        ("../../etc/passwd", 300, SUMMER, "2026-07-01 17:30"),
        (None, 480, SUMMER, "2026-07-01 14:30"),
        (None, None, SUMMER, "2026-07-01 22:30 UTC"),
        ("UTC", 0, SUMMER, "2026-07-01 22:30"),
    ],
)
def test_local_time(
    monkeypatch: pytest.MonkeyPatch, zone: str | None, offset: int | None, moment: datetime, expected: str
) -> None:
    monkeypatch.setattr(st, "context", SimpleNamespace(timezone=zone, timezone_offset=offset))
    assert format_local_time(moment) == expected
