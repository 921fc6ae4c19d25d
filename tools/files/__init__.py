"""File contents: profiles, previews and text, extracted in worker processes."""
