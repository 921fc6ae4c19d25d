"""The wire between the service and one kernel: hostile input, read by one thread per request."""
