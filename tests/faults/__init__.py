"""Attacks with random faults in their short forms; ``bench/faults`` runs the long ones."""
