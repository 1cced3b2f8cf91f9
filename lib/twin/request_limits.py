"""The limits of one request and of all requests together: what any client may cost the twin.

They are checked before the work that they limit: the length before the body is read, the numbers of values and of
messages before the body is validated, and the characters before the chat template and the tokenizer see them.
"""

from __future__ import annotations

# A head of the official SDKs has less than 1 KiB.
MAX_HEAD_BYTES = 64 * 1024
# Seconds from the first byte of a head, or from the connection, to the end of the head.
HEAD_TIMEOUT = 10.0
# Each chunk of a body costs about 40 µs, whatever its size; clients send chunks of 16 KiB and more.
MAX_CHUNKS = 4_096
