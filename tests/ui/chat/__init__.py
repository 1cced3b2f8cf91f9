"""Tests of the page's chat parts that need no browser."""
