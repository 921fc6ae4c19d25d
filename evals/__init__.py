"""Evaluation: tasks with checkable answers, for this and other harnesses on the same model.

`python -m evals --help`; docs/evals.md has the results.
"""
