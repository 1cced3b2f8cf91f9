"""Tests of JSON parsing, schemas and validation."""
