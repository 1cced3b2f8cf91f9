"""Tests of conversations and answer runs."""
