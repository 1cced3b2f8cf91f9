"""Tests of the checks that judge an answer."""
