"""What is in a file: profiles, previews, text, read in worker processes."""
