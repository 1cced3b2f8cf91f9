"""The language models that run on this computer: which there are, their licences, and their download.

May import ``lib.api``, ``lib.paths`` and ``lib.errors``. Start with ``model_source`` (what the user names) and
``model_download`` (the transfer). ``python -m lib.local_models`` lists, downloads and removes models.
"""
