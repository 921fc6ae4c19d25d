"""What can go wrong in a session's folder or kernel."""


class WorkspaceError(Exception):
    """The text is meant for the person or the model that asked."""


class BadNameError(WorkspaceError):
    """A path or file name that does not stay inside the session's folder."""


class FileTooLargeError(WorkspaceError):
    """An upload beyond the limit."""


class KernelStartError(WorkspaceError):
    """The session's Python could not be started."""
