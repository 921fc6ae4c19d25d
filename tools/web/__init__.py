"""Web access: search and page fetching that cannot be used to attack internal networks."""
