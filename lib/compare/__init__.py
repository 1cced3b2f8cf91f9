"""Comparisons: one input sent with several set-ups, the rated answers, and the text differences between them.

May import ``lib.files``, ``lib.chat`` and the packages below them. Start with ``comparison`` (values), then
``comparison_session``.
"""
