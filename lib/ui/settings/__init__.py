"""The sidebar: a control for every parameter and request option, and the presets.

May import ``lib.ui.editors``, ``lib.ui.answer`` and the packages below them. Start with ``chat_actions``, then
``parameter_controls``.
"""
