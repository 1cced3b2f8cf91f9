"""The twin: the Workers AI REST API on this computer, answered by a small language model that really runs."""
