"""Refuses programs that cannot work here before they run, with a message that a model can act on.

This is a courtesy, not a security boundary. It can be bypassed; security comes from the sandbox (docs/sandbox.md).
"""

import ast

from workspace.syntax import parsed

NO_NETWORK = "there is no network here; use the files in the working folder"
NO_SCREEN = "there is no screen here; draw with matplotlib"
BLOCKED_MODULES = {
    **dict.fromkeys(
        ("requests", "httpx", "aiohttp", "urllib3", "urllib.request", "http.client", "socket", "ftplib", "smtplib"),
        NO_NETWORK,
    ),
    **dict.fromkeys(("paramiko", "websocket", "websockets", "selenium", "yfinance"), NO_NETWORK),
    **dict.fromkeys(("tkinter", "turtle", "pygame", "webbrowser"), NO_SCREEN),
    "ctypes": "foreign functions are not for this place; use numpy",
}
BLOCKED_CALLS = {
    "input": "nobody can type here; write the value into the program",
    "exit": "the session's Python must stay; just let the program end",
    "quit": "the session's Python must stay; just let the program end",
    "os._exit": "the session's Python must stay; just let the program end",
    "breakpoint": "there is no debugger here; print what you want to see",
}


def refusal(code: str) -> str | None:
    """Why `code` is not run, with the line; None if it can run (or does not parse)."""
    tree = parsed(code)
    if tree is None:
        return None  # Python itself will report the error
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in _modules(node):
                if reason := _blocked(name):
                    return f"Line {node.lineno}: the module {name} cannot be used: {reason}."
        if isinstance(node, ast.Call) and (reason := BLOCKED_CALLS.get(name := _called(node.func))):
            return f"Line {node.lineno}: {name}() cannot be used: {reason}."
    return None


def _called(function: ast.expr) -> str:
    """`name` or `module.name`; empty for anything longer."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    return [node.module, *(f"{node.module}.{name}" for name in names)] if node.module and not node.level else []


def _blocked(name: str) -> str | None:
    """The reason for the module itself or for a parent module."""
    parts = name.split(".")
    wholes = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((BLOCKED_MODULES[whole] for whole in wholes if whole in BLOCKED_MODULES), None)
