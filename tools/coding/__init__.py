"""Programs for `python_coder`: written from a task, looked over, run, mended."""
