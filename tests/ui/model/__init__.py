"""Tests of the Model page's parts that need no browser."""
