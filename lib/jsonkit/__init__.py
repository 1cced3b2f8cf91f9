"""JSON that people and models write: parsing with limits, JSON Schema, validation and plain-English errors.

May import ``lib.model`` and ``lib.errors``. Start with ``json_text`` (parsing), then ``json_schema`` and
``json_validation``.
"""
