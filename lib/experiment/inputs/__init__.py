"""The table of inputs: its value, the ``{{variables}}`` that its columns fill, and reading it from files.

Reads CSV, TSV, JSON Lines and XLSX files, or a paste; the only place that uses openpyxl to read. Imports
nothing else of the experiment. Start with ``input_reader``.
"""
