"""`combine`: one answer from the results of a plan's steps."""

import uuid

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.answering import AnswerWriter
from nodes.asking import ask, bounded
from nodes.events import Finished
from nodes.plan_text import told
from nodes.prompts import render
from nodes.state import AgentState, Context, Update

MAX_TOLD = 8000


async def combine(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `answer`. When steps failed, it is what the others allow."""
    answer = AnswerWriter(runtime)
    results = f"Question: {history.question(state)}\n\nSteps:\n{told(state['plan'])[-MAX_TOLD:]}"
    messages = [history.instructed(render("combine"), state, runtime.context), HumanMessage(results)]
    said = await ask(runtime, messages, bounded(runtime), answer.write)
    reason = answer.close(said.finish_reason)
    runtime.stream_writer(Finished(reason))
    told_by = {"steps": state.get("steps", []), "plan": state["plan"], "mode": "plan_execute"}
    message = AIMessage(content=answer.text.strip(), id=str(uuid.uuid4()), additional_kwargs=told_by)
    return {"answer": message, "messages": [message]}
