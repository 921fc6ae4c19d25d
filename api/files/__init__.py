"""Files that come and go: bodies, forms, uploads, downloads, signed links."""
