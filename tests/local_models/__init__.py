"""Tests of the models on this computer."""
