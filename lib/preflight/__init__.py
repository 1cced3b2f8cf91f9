"""Checks of a request before it is sent: token count, rendered prompt and conflicting settings.

May import ``lib.api`` and the packages below it. Start with ``conflicts`` and ``token_count``.
"""
