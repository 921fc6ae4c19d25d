"""Errors of a session's folder or kernel."""


class WorkspaceError(Exception):
    """The message is meant for the user or the model."""


class BadNameError(WorkspaceError):
    """A path or file name that is not inside the session's folder."""


class FileTooLargeError(WorkspaceError):
    """A file that exceeds a size limit."""


class KernelStartError(WorkspaceError):
    """The session's Python could not be started."""
