"""A conversation: its tree of messages, the answers, and the thread that receives each answer.

May import ``lib.api`` and the packages below it. Start with ``conversation`` (values) and ``chat_session`` (one
open chat).
"""
