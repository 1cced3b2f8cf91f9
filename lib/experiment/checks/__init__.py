"""Checks that judge one answer: their kinds, how each is evaluated, and a language model as judge.

May import ``lib.experiment.inputs``, ``lib.jsonkit`` and ``lib.chat``, nothing else of the experiment. Start
with ``check_kinds``, then ``check_evaluation``.
"""
