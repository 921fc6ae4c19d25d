"""Programs for `python_coder`: written for a task, checked, run, fixed."""
