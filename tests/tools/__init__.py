"""Tests of tools and tool calls."""
