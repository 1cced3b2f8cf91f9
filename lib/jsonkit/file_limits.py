"""Limits of uploaded files, all in one place: the price of reading one, and the size of its contents.

A file is refused with a message that names the limit. Most limits on contents only make that happen sooner and with
plainer words: what slips through them is stopped by the limits on time and memory.
"""

from __future__ import annotations

# The price of reading a file, in a process of its own.
MAX_READING_SECONDS = (
    30.0  # of wall time: somebody waits for it; the largest spreadsheet takes 10 on an idle core
)
MAX_READING_MEMORY = 256_000_000  # bytes; two at once fit into the smallest machine that Paddock is for, 1 GB
MAX_RESULT_BYTES = MAX_READING_MEMORY  # what the server takes back from the process
MAX_READING_PROCESSES = 2  # at once in this server: others wait, so that bombs in many tabs do not add up
# A file up to this size that is not packed costs less than starting a process, whatever is in it.
MAX_BYTES_READ_IN_PLACE = 100_000

# A table of inputs.
MAX_INPUT_BYTES = 10_000_000
MAX_INPUT_ROWS = 100_000
MAX_INPUT_COLUMNS = 200
MAX_TABLE_CELLS = (
    1_000_000  # includes empty cells before one with a value; many more do not fit into the memory
)
MAX_INPUT_DEPTH = 100  # levels of lists and objects in a value of JSON Lines

# A spreadsheet. A workbook's parts can be a thousand times as large as packed.
MAX_SPREADSHEET_BYTES = 100_000_000  # all parts together, unpacked
MAX_SHEET_ROWS = 1_048_576  # no spreadsheet program has more
MAX_SHEETS = 1_000
MAX_SPREADSHEET_TEXTS = 500_000  # the table of shared texts: 50 µs each
MAX_SPREADSHEET_NAMES = 10_000  # defined names
MAX_SPREADSHEET_STYLES = 70_000  # cell formats; Excel itself allows 65,490

# A JSON file or a zip of conversations.
MAX_FILE_BYTES = 50_000_000
MAX_PRESET_FILE_BYTES = 1_000_000
# A value takes up to a hundred times its bytes in memory, so values are counted before parsing.
MAX_FILE_VALUES = 3_000_000
MAX_FILE_DEPTH = (
    100  # levels of lists and objects; the JSON Schemas of tools are the deepest parts of honest files
)
MAX_IMPORTED_CONVERSATIONS = 50_000  # of one file
MAX_ARCHIVE_BYTES = 250_000_000  # all files of a zip together, unpacked
MAX_ARCHIVE_FILES = 50_000
MAX_ARCHIVE_NAME = 255  # characters, as in most file systems
