"""The computer that Paddock runs on: its folders, and the environment of its child processes.

May import ``lib.errors`` only. Start with ``paths``.
"""
