"""Tests of the page in a real browser, against a server with the API's wire format."""
