"""Tests of the page's history parts that need no browser."""
