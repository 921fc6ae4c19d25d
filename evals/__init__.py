"""How much the agent solves: tasks with checkable answers, ours and others' harnesses on the same model.

`python -m evals --help`; docs/evals.md has the tables.
"""
