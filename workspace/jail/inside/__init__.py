"""Code that runs inside a sandboxed kernel. The server does not import it."""
