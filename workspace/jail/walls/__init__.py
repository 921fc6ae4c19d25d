"""Linux's confinement mechanisms: one per module, each applied to the calling, single-threaded process."""
