"""`react`: thought → (tool_call → observe → thought)* → synthesize."""

from collections.abc import Sequence
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from nodes.client_tools import CLIENT
from nodes.observe import observe
from nodes.state import AgentState, Context, ModeOutput, Step
from nodes.synthesize import synthesize
from nodes.thought import thought
from nodes.tool_call import tool_call
from tools.agent_tool import program_tool_of


def after_thought(state: AgentState, runtime: Runtime[Context]) -> Literal["tool_call", "thought", "synthesize"]:
    """Call a tool, think again about what is missing, or answer, also if a limit is reached."""
    limits = runtime.context.limits
    if state.get("answer_text") is not None or runtime.context.budget.spent:
        return "synthesize"
    if (
        len(_own(state.get("steps", []))) >= limits.max_iterations
        or state.get("thoughts", 0) > 2 * limits.max_iterations
    ):
        return "synthesize"
    if state.get("needed") and len(_printed(state.get("steps", []), _program_tool(runtime))) > limits.max_needs:
        return "synthesize"
    return "tool_call" if state.get("action") else "thought"


def after_observe(state: AgentState, runtime: Runtime[Context]) -> Literal["thought", "synthesize"]:
    """After the last allowed step, think again only if there is a result to answer from."""
    steps = state["steps"]
    limits = runtime.context.limits
    spent = len(_own(steps)) >= limits.max_iterations or runtime.context.budget.spent
    spent = spent or _hopeless(steps, _program_tool(runtime), limits.max_mends)
    return "synthesize" if spent and steps[-1]["error"] is not None else "thought"


def _program_tool(runtime: Runtime[Context]) -> str | None:
    return program_tool_of(runtime.context.tools)


def _own(steps: Sequence[Step]) -> list[Step]:
    """Without those that the client ran, which it limits by itself."""
    return [step for step in steps if step["node"] != CLIENT]


def _printed(steps: Sequence[Step], program_tool: str | None) -> list[Step]:
    return [step for step in steps if step["tool"] == program_tool and step["error"] is None]


def _hopeless(steps: Sequence[Step], program_tool: str | None, max_mends: int) -> bool:
    """Several programs in a row failed and fixing did not help: small models then never succeed."""
    newest = steps[-max_mends - 1 :]
    return len(newest) > max_mends and all(step["tool"] == program_tool and step["error"] for step in newest)


graph = StateGraph(AgentState, context_schema=Context, output_schema=ModeOutput)
graph.add_node("thought", thought)
graph.add_node("tool_call", tool_call)
graph.add_node("observe", observe)
graph.add_node("synthesize", synthesize)
graph.add_edge(START, "thought")
graph.add_conditional_edges("thought", after_thought)
graph.add_edge("tool_call", "observe")
graph.add_conditional_edges("observe", after_observe)
graph.add_edge("synthesize", END)
