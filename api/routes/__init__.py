"""One file a resource, thin."""
