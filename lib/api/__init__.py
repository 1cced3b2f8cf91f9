"""Workers AI over HTTP: build a request, send it, decode the events, cancel, retry and trace it.

May import ``lib.jsonkit``, ``lib.model`` and ``lib.errors``; the only core package that imports httpx and sseclient.
Start with ``request`` (what is sent), ``wire`` (JSON to values) and ``client`` (the HTTP client).
"""
