"""The Experiment page, one file for each of its sections.

May import ``lib.ui.chat`` and the packages below it. Start with ``experiment_tab`` and ``collapsible_section``.
"""
