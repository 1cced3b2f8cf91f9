"""Experiments: prompts × inputs × settings × repetitions as a plan, the checks, and what the results say.

Modules here may import ``checks``, ``inputs``, ``lib.files``, ``lib.preflight`` and the packages below them.
``results`` imports this package, never the other way round. Start with ``plan``; ``plan_grid`` counts its
cells.
"""
