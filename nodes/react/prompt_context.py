"""The context in a prompt besides the question."""

from langgraph.runtime import Runtime

from nodes.model import conversation
from nodes.state import AgentState, Context
from tools.coding.prompt_context import variables_at_hand


async def prompt_context(state: AgentState, runtime: Runtime[Context]) -> list[str]:
    """Earlier turns, which may be empty; then the files and the variables, if there are any."""
    parts = [conversation.earlier(state, runtime.context)]
    workspace, describe = runtime.context.workspace, runtime.context.describe
    if describe is not None and (files := await describe()):
        parts.append(f"Files in the working folder:\n{files}")
    if workspace is not None and (variables := await variables_at_hand(workspace)):
        parts.append(variables)
    return parts
