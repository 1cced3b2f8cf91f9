"""The History page: saved conversations, spending, import and export.

May import ``lib.ui.shell`` and ``lib.ui.widgets``. Start with ``history_list``.
"""
