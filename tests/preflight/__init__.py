"""Tests of the checks before a request is sent."""
