"""Paddock's library: the core here, the page's parts in lib.ui, the local Workers AI in lib.twin."""
