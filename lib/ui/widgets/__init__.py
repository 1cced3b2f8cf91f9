"""Small building blocks: bound controls, a model's text, error boxes and components that poll.

May import the core, no other part of ``lib.ui``. Start with ``bound`` and ``model_text``.
"""
