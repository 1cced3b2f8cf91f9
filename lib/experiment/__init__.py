"""Experiment: prompts × inputs × settings × repetitions, asked within a budget, judged by checks."""
