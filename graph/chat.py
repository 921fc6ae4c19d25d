"""`chat`: one reply, no tools."""

from langgraph.graph import END, START, StateGraph

from nodes.reply import reply
from nodes.state import AgentState, Context, ModeOutput

graph = StateGraph(AgentState, context_schema=Context, output_schema=ModeOutput)
graph.add_node("reply", reply)
graph.add_edge(START, "reply")
graph.add_edge("reply", END)
