"""The twin: a local Workers AI REST API answered by a small language model that really runs.

May import ``lib.model`` and ``lib.system.paths``; it never imports the client that is tested against it. Start with
``app`` (the routes) and ``engine`` (the language model). ``python -m lib.twin`` starts it.
"""
