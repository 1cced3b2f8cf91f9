"""The language models of this computer: their licences, their download, and the processes that serve them.

May import ``lib.api`` and the packages below it. Start with ``model_source`` (what the user names) and
``supervisor`` (the twins). ``python -m lib.local_models`` lists, downloads and removes models.
"""
