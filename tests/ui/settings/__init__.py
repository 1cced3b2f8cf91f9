"""Tests of the page's settings parts that need no browser."""
