"""One script for each version. A released script never changes: databases were made by it."""
