"""`combine`: one answer from the results of a plan's steps."""

import uuid

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.answering import AnswerWriter
from nodes.asking import ask, bounded
from nodes.events import Finished
from nodes.owed import owed_results
from nodes.plan_text import told
from nodes.prompts import render
from nodes.state import AgentState, Context, Update

MAX_TOLD = 8000


async def combine(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `answer`. When steps failed, it is what the others allow."""
    answer = AnswerWriter(runtime)
    citations = " and citations like [2]" if any(step["sources"] for step in state.get("steps", [])) else ""
    question = history.question(state)
    results = f"Question: {question}\n\nSteps:\n{told(state['plan'])[-MAX_TOLD:]}"
    system = history.instructed(render("combine", citations=citations), state, runtime.context)
    said = await ask(runtime, [system, HumanMessage(results)], bounded(runtime), answer.write)
    answer.write_whole(owed_results(said.text, question, state["plan"], state.get("steps", [])))
    reason = answer.close(said.finish_reason)
    runtime.stream_writer(Finished(reason))
    told_by = {"steps": state.get("steps", []), "plan": state["plan"], "mode": "plan_execute"}
    message = AIMessage(content=answer.text.strip(), id=str(uuid.uuid4()), additional_kwargs=told_by)
    return {"answer": message, "messages": [message]}
