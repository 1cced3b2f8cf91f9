"""Tests of the code snippets: each of them is run."""
