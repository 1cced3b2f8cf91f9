"""The History page: saved conversations, spending, import and export.

May import ``lib.ui.answer`` and the packages below it. Start with ``history_list``.
"""
