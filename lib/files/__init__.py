"""Import and export: conversations, presets and share links as JSON, Markdown, CSV, XLSX and zip files.

May import ``lib.chat`` and the packages below it. Start with ``conversation_import_export``; ``value_codec`` and
``answer_codec`` hold the shared JSON.
"""
