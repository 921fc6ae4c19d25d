"""`reply`: answer from the conversation alone, or call client tools."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from llm.errors import PromptTooLongError
from nodes.client_tools import Calls, bound, called_before, offered, settled
from nodes.events import AnswerDelta, Finished
from nodes.model import conversation
from nodes.model.ask import Said, ask
from nodes.model.continuation import Continuation
from nodes.prompts import render
from nodes.state import AgentState, ClientTools, Context
from nodes.structured_output import described, form
from nodes.tool_offer import Offer

NONE = ClientTools()
NO_ROOM = "the question leaves no room for them in the context window"


async def reply(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `answer`. Raises `PromptTooLongError` if the current question alone does not fit."""
    if runtime.context.continued is not None:
        return await _continue(runtime.context.continued, state, runtime)
    runtime = _with_tools(offered(state, runtime.context), runtime)
    messages = told(state, runtime.context)
    before = called_before(messages)
    calls = Calls(runtime, hold=bool(before))
    said = await _ask_readably(messages, runtime, calls)
    made = calls.whole()
    if before and made and all((call["name"], call["args"]) in before for call in made):
        # Small models repeat a call although its result precedes their reply.
        said, made = (
            await _ask_within_window(_told_to(messages, "chat/tool_results"), _with_tools(NONE, runtime), None),
            [],
        )
    if made:
        calls.release()
    reason = "tool_calls" if made and said.finish_reason != "length" else said.finish_reason
    runtime.stream_writer(Finished(reason))
    message = AIMessage(content=said.text, tool_calls=made, id=said.id or str(uuid.uuid4()))
    return {"answer": message}


async def _continue(text: str, state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `answer` to the continued one, which replaces it in the conversation; only what is new is sent."""
    messages = told(state, runtime.context)
    last = messages.pop() if isinstance(messages[-1], AIMessage) else AIMessage("")
    new = Continuation(text, lambda piece: runtime.stream_writer(AnswerDelta(piece)))
    said = await _ask_within_window([*messages, AIMessage(text)], runtime, None, new.write, continues=True)
    new.close()
    runtime.stream_writer(Finished(said.finish_reason))
    message_id = last.id or said.id or str(uuid.uuid4())
    return {"answer": AIMessage(content=text + new.text, id=message_id, additional_kwargs=last.additional_kwargs)}


async def _ask_readably(messages: list[AnyMessage], runtime: Runtime[Context], calls: Calls) -> Said:
    """A call that the server cannot parse is requested again, and in the end the answer is generated without calls; but
    nothing is retried once part of the reply has been sent.
    """
    said = await _ask_within_window(messages, runtime, calls)
    for left in reversed(range(runtime.context.limits.tries)):
        if said.broken is None or said.text.strip() or said.called:
            break
        if left:
            said = await _ask_within_window(_told_to(messages, "chat/unreadable_call"), runtime, calls)
        else:
            said = await _ask_within_window(messages, _with_tools(NONE, runtime), None)
    return said


def _told_to(messages: list[AnyMessage], prompt: str) -> list[AnyMessage]:
    """The messages with one more instruction."""
    return [SystemMessage(f"{messages[0].text}\n\n{render(prompt)}"), *messages[1:]]


def _with_tools(tools: ClientTools, runtime: Runtime[Context]) -> Runtime[Context]:
    return runtime.override(context=replace(runtime.context, client_tools=tools))


async def _ask_within_window(
    messages: list[AnyMessage],
    runtime: Runtime[Context],
    calls: Calls | None,
    on_text: Callable[[str], None] | None = None,
    **more: Any,
) -> Said:
    """Drop the oldest turns until the rest fits the model's context window, and then the client's tools, unless one of
    them must be called.
    """
    emit = runtime.stream_writer
    while True:
        try:
            return await ask(
                runtime,
                messages,
                runtime.context.sampling,
                on_text or (lambda text: emit(AnswerDelta(text))),
                on_call=calls.piece if calls is not None else None,
                model=bound(runtime.context),
                **form(runtime.context),
                **more,
            )
        except PromptTooLongError as error:
            shorter = without_oldest(messages, error.tokens - error.window)
            given = runtime.context.client_tools
            if len(shorter) < len(messages):
                messages = shorter
            elif given.tools and given.choice == "auto":
                emit(Offer(reason=NO_ROOM).event(given))
                runtime = _with_tools(NONE, runtime)
            else:
                raise


def told(state: AgentState, context: Context) -> list[AnyMessage]:
    """The conversation for the model.

    The client's own instructions replace the service's. Then come the summaries of old turns, and the newer turns in
    full.
    """
    system = conversation.instructions(state, context) or render("chat/reply")
    memory = conversation.remembered(state)
    first = SystemMessage("\n\n".join(filter(None, [system, memory, described(context)])))
    return [first, *settled([m for m in conversation.recent(state) if not isinstance(m, SystemMessage)])]


def without_oldest(messages: Sequence[AnyMessage], tokens: int) -> list[AnyMessage]:
    """Without the oldest turns that have at least `tokens` (a token is taken to be three characters).

    System messages and the current question are kept.
    """
    current = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    kept: list[AnyMessage] = []
    freed = 0
    for at, message in enumerate(messages):
        if at < current and not isinstance(message, SystemMessage) and freed < tokens * 3:
            freed += len(message.text)
            continue
        kept.append(message)
    return kept
