"""A request as code to paste: curl, Python, JavaScript and a Cloudflare Worker.

May import ``lib.api`` and the packages below it. Start with ``snippets``, which builds one snippet per language.
"""
