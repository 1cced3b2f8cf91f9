"""The twin's tests: a real twin in a process of its own, over real HTTP, with the real model."""
