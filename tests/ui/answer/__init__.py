"""Tests of the page's answer parts that need no browser."""
