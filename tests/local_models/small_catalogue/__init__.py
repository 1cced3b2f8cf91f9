"""A catalogue with a small model, for the processes of an app: ``sitecustomize.py`` is run by each."""
