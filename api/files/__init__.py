"""Files in transit: request bodies, forms, uploads, downloads, signed links."""
