"""Tests of the data folder's place and of what child processes are told."""
