"""The Chat page: messages, the next request, the request and reply of an answer, and sharing.

May import ``lib.ui.history``, ``lib.ui.settings`` and the packages below them. Start with ``chat_tab``.
"""
