"""An experiment under way: worker threads within a rate limit and a budget, a journal, and recovery after a crash.

May import ``lib.store``, ``lib.experiment`` and the packages below them. Start with ``experiment_run``, then
``worker``.
"""
