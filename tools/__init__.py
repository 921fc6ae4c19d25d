"""What the model may call: one file a tool, each with a `build`."""

from langchain_core.tools import BaseTool

from tools import python_coder
from workspace.session import SessionWorkspace

TOOLS = {
    "python_coder": python_coder.build,
}


def build_all(workspace: SessionWorkspace) -> dict[str, BaseTool]:
    """All tools of one session, by name."""
    return {name: build(workspace) for name, build in TOOLS.items()}
