"""Tests of the Compare page without a browser."""
