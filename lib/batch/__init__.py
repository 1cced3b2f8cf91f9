"""Batch: an experiment under way: paced, within its budget, resumed after a crash."""
