"""Tests of the HTTP client, the wire format and everything else in ``lib.api``."""
