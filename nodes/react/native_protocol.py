"""A thought with the backend's native tool calling: the turn so far as messages, with tools bound to the model.

The transcript is compact: one exchange per step, with older observations truncated. Malformed calls are repaired or
requested again; they never end a run: in the end the text protocol, which does not need them, is used instead.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from nodes.client_tools import emit_calls, name_of, offered, parsed_arguments
from nodes.model import conversation
from nodes.model.ask import Said, ask, bounded
from nodes.prompts import render
from nodes.react.choose_tool import needs_a_tool, question_at_hand, usable_tools
from nodes.react.grounding import finish, unsupported_numbers
from nodes.react.prompt_context import prompt_context
from nodes.react.speech import Speech
from nodes.react.text_protocol import parse
from nodes.react.tool_arguments import Call, arguments_of, as_input, guessed, mended, object_of, resolve
from nodes.state import Action, AgentState, ClientTools, Context, Step
from tools.agent_tool import program_tool_of, purposes_of
from tools.coding.fences import FENCE, PYTHON
from tools.coding.observation import SILENT

FRESH = 2
"""Number of latest steps with full observations."""
MAX_OLD = 500
"""Maximum characters of older observations."""
MAX_THOUGHT = 200
"""Maximum characters of a repeated thought: small models imitate what they read of their own."""
_BARE = re.compile(r'^[ \t]*(?=\{\s*"name"\s*:)', re.MULTILINE)


async def native_thought(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `action`, or `answer_text` with its finish reason and `calls` of client tools, or neither if no call of the
    model can be parsed; `spoken` is what has already been sent, and the answer continues after it.
    """
    update: AgentState = {"thoughts": state.get("thoughts", 0) + 1, "action": None, "needed": ""}
    prompt = await _prompt(state, runtime)
    spoken, steps = state.get("spoken", ""), state.get("steps", [])
    question = await question_at_hand(state, runtime)
    usable = usable_tools(question.files, steps, runtime.context.tools)
    clients = offered(state, runtime.context)
    bound: list[BaseTool | dict[str, Any]] = [*clients.tools, *usable]
    model = runtime.context.model.bind_tools(bound) if bound else None
    may_call = may_be_a_call(steps)
    expected = may_call and (bool(steps) or needs_a_tool(question, purposes_of(runtime.context.tools)))
    for _ in range(runtime.context.limits.tries):
        speech = Speech(runtime, may_call=may_call, expected=expected)
        said = await ask(runtime, prompt, bounded(runtime), speech.write, model, on_call=speech.call)
        if (made := _client_calls(speech.calls.all(), clients)) is not None:
            text = spoken + speech.before_client_calls()
            emit_calls(made, runtime)
            return {
                **update,
                "calls": made,
                "answer_text": "",
                "answer_id": said.id,
                "finish_reason": "tool_calls",
                "spoken": text.strip(),
            }
        call = speech.calls.first() or guessed(said.broken or "", runtime.context.tools)
        action = (
            _action(call, said, clients, runtime) if call else written_call(said.text, runtime.context.tools, steps)
        )
        if action is not None:
            return {**update, "action": action, "spoken": spoken + speech.before_action(action)}
        told = [message.text for message in prompt]
        doubted = bool(steps) or render("react/guessed_numbers") in told
        names = [] if steps else [*(tool.name for tool in usable), *map(name_of, clients.tools)]
        complaint = _complaint(call, said, names, expected=expected, doubted=doubted, evidence=told)
        if complaint is None:
            speech.release()
            done = finish(said.text.strip(), speech.answer, said, state, runtime)
            return {**update, **done, "spoken": spoken}
        spoken += speech.dropped()
        prompt = [*prompt, AIMessage(said.text), HumanMessage(complaint)]
    return {**update, "spoken": spoken}


def _client_calls(calls: Sequence[Call], clients: ClientTools) -> list[ToolCall] | None:
    """The calls for the client, if the model calls one of its tools first; None if not, or if one cannot be parsed."""
    names = set(map(name_of, clients.tools))
    if not calls or calls[0].name not in names:
        return None
    theirs = [call for call in calls if call.name in names][: None if clients.parallel else 1]
    given = [(call, object_of(call.arguments)) for call in theirs]
    made = [tool_call(name=call.name, args=args, id=call.id) for call, args in given if args is not None]
    return made if len(made) == len(given) else None


def _complaint(
    call: Call | None, said: Said, offered: Sequence[str], *, expected: bool, doubted: bool, evidence: Sequence[str]
) -> str | None:
    """The message to the model about a call that cannot be made, or was not made; None if its reply is the answer.

    Text about a tool in `offered` announces its call.
    """
    if call is not None or said.broken is not None:
        return render("react/unreadable_call", tool=call.name if call else "a tool")
    if not expected:
        return None
    if said.text.rstrip().endswith(":") or any("_" in name and name in said.text for name in offered):
        return render("react/announced_call")
    return render("react/guessed_numbers") if not doubted and unsupported_numbers(said.text, evidence) else None


def _action(call: Call, said: Said, clients: ClientTools, runtime: Runtime[Context]) -> Action | None:
    """None if the call cannot be parsed."""
    tools, thought = runtime.context.tools, said.text.strip()
    name = resolve(call.name, purposes_of(tools))
    tool = tools.get(name)
    if call.name in map(name_of, clients.tools):
        return None
    if tool is None:
        return Action(thought=thought, tool=name, input=call.arguments)
    arguments = mended(tool, call.arguments)
    return None if arguments is None else Action(thought=thought, tool=name, input=as_input(tool, arguments))


async def _prompt(state: AgentState, runtime: Runtime[Context]) -> list[BaseMessage]:
    parts = [*await prompt_context(state, runtime), conversation.question(state)]
    told = HumanMessage("\n\n".join(part for part in parts if part))
    program_tool = program_tool_of(runtime.context.tools) or ""
    first = conversation.instructed(render("react/native", program_tool=program_tool), state, runtime.context)
    return [first, told, *_exchanges(state.get("steps", []), runtime)]


def _exchanges(steps: Sequence[Step], runtime: Runtime[Context]) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    for at, step in enumerate(steps):
        tool = runtime.context.tools.get(step["tool"])
        args = arguments_of(tool, step["input"]) if tool is not None else parsed_arguments(step["input"])
        call = {"name": step["tool"], "args": args, "id": f"call_{at + 1}", "type": "tool_call"}
        told = step["observation"] if at >= len(steps) - FRESH else _short(step["observation"])
        messages += [
            AIMessage(step["thought"].partition("\n")[0][:MAX_THOUGHT], tool_calls=[call]),
            ToolMessage(told, tool_call_id=f"call_{at + 1}", status="success" if step["error"] is None else "error"),
        ]
    return messages


def _short(observation: str) -> str:
    return observation if len(observation) <= MAX_OLD else f"{observation[:MAX_OLD]}\n… [cut short]"


def may_be_a_call(steps: Sequence[Step]) -> bool:
    """Whether code in a reply should be run: before any step has succeeded, its stated output can only be invented."""
    return not any(step["error"] is None for step in steps)


def written_call(text: str, tools: Mapping[str, BaseTool], steps: Sequence[Step]) -> Action | None:
    """A step in the format of the text protocol; or, if code may be a call, one as JSON, or a program in a fence.

    None if the same was run before and printed nothing: then the model means to show it.
    """
    purposes = purposes_of(tools)
    reply = parse(text, program_tool_of(tools))
    if reply.labelled and reply.tool is not None:
        return Action(thought=reply.thought, tool=resolve(reply.tool, purposes), input=reply.input)
    action = _as_code(text, tools) if may_be_a_call(steps) else None
    if action is None or (same := conversation.same_step(steps, action["tool"], action["input"])) is None:
        return action
    return None if same["observation"] == SILENT else action


def _as_code(text: str, tools: Mapping[str, BaseTool]) -> Action | None:
    blocks = list(FENCE.finditer(text))
    purposes = purposes_of(tools)
    for start, code in [*((block.start(), block.group(2)) for block in blocks), *_bare(text)]:
        call = guessed(code, tools) if '"name"' in code else None
        tool = tools.get(resolve(call.name, purposes)) if call is not None else None
        if call is not None and tool is not None and (arguments := mended(tool, call.arguments)) is not None:
            return Action(thought=_thought(text[:start]), tool=tool.name, input=as_input(tool, arguments))
    programs = [block for block in blocks if block.group(1).lower() in PYTHON and block.group(2).strip()]
    program_tool = program_tool_of(tools)
    if program_tool is None or not programs:
        return None
    program = max(programs, key=lambda block: len(block.group(2)))
    return Action(thought=_thought(text[: blocks[0].start()]), tool=program_tool, input=program.group(2).strip("\n"))


def _bare(text: str) -> list[tuple[int, str]]:
    """The first object outside of fences that looks like a call."""
    found = _BARE.search(text)
    return [(found.start(), text[found.end() :])] if found else []


def _thought(words: str) -> str:
    """Without a final "Here is the program:", after which a model that reads it again stops."""
    words = words.rstrip()
    if not words.endswith(":"):
        return words.lstrip()
    return words[: max(words.rfind(mark) for mark in ".!?\n") + 1].strip()
