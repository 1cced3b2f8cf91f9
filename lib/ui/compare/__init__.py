"""The Compare page: columns with their own settings, answers side by side, differences and ratings.

May import ``lib.ui.chat`` and the packages below it. Start with ``comparison_tab``.
"""
