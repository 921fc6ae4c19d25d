"""One session's folder, files and Python kernel."""
