"""The Compare page: columns beside each other, what they answer, how that differs, and which is better."""
