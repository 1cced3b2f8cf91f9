"""An answer on the page: streaming text, statistics, JSON view and tool-call cards.

May import ``lib.ui.shell`` and ``lib.ui.widgets``. Start with ``streaming_text``.
"""
