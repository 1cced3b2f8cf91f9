"""Tools and functions: their definitions as JSON or as a form, the model's calls, and the tools Paddock runs itself.

May import ``lib.jsonkit``, ``lib.model`` and ``lib.errors``. Start with ``tool_spec``, then ``tool_call``.
"""
