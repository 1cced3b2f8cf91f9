"""Times as the clock of the person at the browser shows them. Exports keep UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st


def format_local_time(moment: datetime) -> str:
    """Format a time with date and minutes in the browser's time zone; in UTC, and marked so, if it names none."""
    zone = browser_time_zone()
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" + (" UTC" if zone is UTC else "")


def browser_time_zone() -> tzinfo:
    """Return the browser's time zone, else a zone with its present offset, else UTC."""
    name, offset = st.context.timezone, st.context.timezone_offset
    try:
        if name:
            return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        pass  # a name that this machine does not know
    # JavaScript counts the minutes from local time to UTC.
    return UTC if offset is None else timezone(timedelta(minutes=-offset))
