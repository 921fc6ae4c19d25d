"""The routes: one thin file per resource."""
