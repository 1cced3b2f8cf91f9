"""Tests of the page's editors parts that need no browser."""
