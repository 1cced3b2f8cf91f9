"""Experiments: prompts × inputs × settings × repetitions as a plan, its checks and what its results say.

May import ``lib.files``, ``lib.preflight`` and the packages below them. Start with ``plan``; ``plan_grid`` counts
its cells.
"""
