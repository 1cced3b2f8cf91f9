"""Results of an experiment: one value per cell, statistics, the winner, and exports.

May import the plan, its grid and the checks. Start with ``cell_result`` and ``result_summary``.
"""
