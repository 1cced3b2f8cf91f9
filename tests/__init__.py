"""Paddock's tests. A package, so that its helpers are imported by name and the core is found from anywhere."""
