"""The programs of a fork are told which variables of the conversation they do not have."""

from typing import Any

from llm.scripted import ScriptedChat
from tests.api.client import run
from tests.api.turns.test_matching import answer_of, send, user
from tests.serving import Service, python_step

DEFINES = [python_step("rate = 41\nimport math\ntable = [1, 2]\nprint(rate)"), "Final Answer: 41."]
CONTINUES = [python_step("total = rate + 1; print(total)"), "Final Answer: 42."]


def prompt(model: ScriptedChat, at: int) -> str:
    return "\n".join(message.text for message in model.asked[at])


async def conversation(service: Service, model: ScriptedChat, *more: str) -> list[dict[str, Any]]:
    """Two turns with variables, and then the first two messages and the second question again."""
    model.replies = [*DEFINES, *CONTINUES, *more]
    messages = [user("Let rate be 41.")]
    messages += [answer_of(await send(service, messages, agent_type="react")), user("One more.")]
    await send(service, messages, agent_type="react")
    return messages


async def test_the_first_program_after_regenerating_is_told_what_is_gone(service: Service, model: ScriptedChat) -> None:
    again = [python_step("print(rate + 1)"), python_step("rate = 41\nprint(rate + 1)"), "Final Answer: 42."]
    messages = await conversation(service, model, *again)
    body = await send(service, messages, agent_type="react")
    told = prompt(model, 4)
    assert "do not exist any more" in told
    assert "- rate (int)" in told
    assert "- table (list) 2 items" in told
    assert "- math" not in told, "modules can be imported again"
    assert "- total" not in told, "it belongs to the answer that is replaced"
    failed, mended = body["x_agent_metadata"]["steps"]
    assert "could not be kept: rate (int; it belongs to an earlier point" in failed["observation"]
    assert failed["error"]
    assert "could not be kept" not in mended["observation"], "it is told once"
    assert mended["observation"].strip() == "42"


async def test_what_is_defined_again_is_not_gone_any_more(service: Service, model: ScriptedChat) -> None:
    again = [python_step("rate = 1; print(rate)"), "Final Answer: 1.", python_step("print(rate)"), "Final Answer: 1."]
    messages = await conversation(service, model, *again)
    messages += [answer_of(await send(service, messages, agent_type="react")), user("And now?")]
    await send(service, messages, agent_type="react")
    exist, _, gone = prompt(model, 6).partition("do not exist any more")
    assert "- rate (int)" in exist
    assert "- table (list) 2 items" in gone
    assert "- rate" not in gone


async def test_a_fork_of_a_fork_remembers(service: Service, model: ScriptedChat) -> None:
    messages = await conversation(service, model, "Final Answer: 42.", *CONTINUES)
    messages += [answer_of(await send(service, messages, agent_type="chat")), user("Once more.")]
    await send(service, messages, agent_type="react")
    model.replies = [*model.replies, *CONTINUES]
    await send(service, messages, agent_type="react")
    assert "- rate (int)" in prompt(model, -1) or "- rate (int)" in prompt(model, -2)


async def test_a_direct_call_in_a_fork_is_told_as_well(service: Service, model: ScriptedChat) -> None:
    messages = await conversation(service, model, "Final Answer: 42.")
    fork = (await send(service, messages, agent_type="chat"))["x_session_id"]
    body = await run(service, "print('here')", session_id=fork)
    assert "could not be kept" in body["output"]
    assert body["output"].rstrip().endswith("here")
