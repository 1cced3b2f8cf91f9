"""Results of an experiment: one value per cell, statistics, the winner, and exports.

May import the whole experiment package; nothing there imports this one. Start with ``cell_result`` and
``result_summary``.
"""
