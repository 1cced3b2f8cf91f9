"""Checks that judge one answer: their kinds, how each is evaluated, and the language model as a judge.

May import ``lib.jsonkit``, ``lib.chat`` and ``prompt_template``. Start with ``check_kinds``, then
``evaluate_checks``.
"""
