"""Attacks on Paddock with random faults, which can be repeated by their seed."""
