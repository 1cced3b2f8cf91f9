"""The documented model: its record, the settings a user chooses, token usage and prices.

May import only ``lib.errors``. Start with ``model_record``, which reads ``records/*.json``.
"""
