"""The exported programs, each run for real."""
