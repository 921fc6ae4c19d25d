"""The wire formats as pure functions: bodies to checked requests, events to dicts. No services, no I/O."""
