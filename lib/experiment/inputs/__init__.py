"""Input tables read from CSV, TSV, JSON Lines and XLSX files or from a paste.

May import the plan's values. The only place that reads openpyxl workbooks. Start with ``read_inputs``.
"""
