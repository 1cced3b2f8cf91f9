"""The same stream, drawn by Paddock and by others: ``python -m bench.peers``."""
