"""The HTTP interface, and the only place where the parts are assembled."""
