"""The way out: searching the web and fetching pages, so that neither can be turned against the inside."""
