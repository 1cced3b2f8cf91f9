"""The Model page: parameter help, next-token probabilities, prices and the API reference.

May import ``lib.ui.shell`` and ``lib.ui.widgets``. Start with ``model_reference``.
"""
