"""Tests of the page: in process, and in a real browser against a server that keeps the wire's format."""
