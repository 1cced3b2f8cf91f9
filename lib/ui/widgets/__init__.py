"""Small building blocks: bound controls, safe Markdown, error boxes and components that poll.

May import the core, no other part of ``lib.ui``. Start with ``bound`` and ``safe_markdown``.
"""
