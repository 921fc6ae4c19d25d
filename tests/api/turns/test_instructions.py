"""The client's instructions to the model: system messages and `instructions`, in all modes, also when they change."""

from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step

pytestmark = pytest.mark.one_service

PLAN = "1. Compute a (tool: python_coder)\n2. Compute b (tool: python_coder) (needs: 1)"
FORM = {"type": "json_object"}


def system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


async def send(service: Service, messages: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    answer = await service.http.post("/v1/chat/completions", json={"messages": messages, "model": "chat", **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def prompts(model: ScriptedChat) -> list[str]:
    """The system prompts of all calls of the model."""
    return [messages[0].text for messages in model.asked]


async def test_an_agent_heeds_system_messages(service: Service, model: ScriptedChat) -> None:
    """They only reached mode chat: an agent that was told to speak French did not."""
    model.replies = [python_step("print(6 * 7)"), "Final Answer: C'est 42.", '{"n": 42}']
    await send(service, [system("Speak French."), user("6 * 7?")], model="react", response_format=FORM)
    assert ["Speak French." in prompt for prompt in prompts(model)] == [True, True, True]
    assert prompts(model)[0].index("python") < prompts(model)[0].index("Speak French.")


async def test_a_plan_and_its_steps_heed_them(service: Service, model: ScriptedChat) -> None:
    steps = [python_step("print(1)"), "Final Answer: 1", python_step("print(2)"), "Final Answer: 2"]
    model.replies = [PLAN, *steps, "1 and 2."]
    await send(service, [system("Speak French."), user("a and b?")], model="plan_execute")
    assert len(model.asked) == 6
    assert all(prompt.count("Speak French.") == 1 for prompt in prompts(model))


@pytest.mark.parametrize("mode", ["react", "plan_execute"])
async def test_an_agent_heeds_the_instructions_of_a_response(service: Service, model: ScriptedChat, mode: str) -> None:
    steps = [python_step("print(1)"), "Final Answer: 1"]
    model.replies = [*(["1. Compute a (tool: python_coder)"] if mode == "plan_execute" else []), *steps, "1."]
    body = {"input": "a?", "model": mode, "instructions": "Speak French."}
    answer = await service.http.post("/v1/responses", json=body)
    assert answer.json()["status"] == "completed", answer.text
    assert model.asked
    assert all(prompt.count("Speak French.") == 1 for prompt in prompts(model))


async def test_native_thoughts_heed_them(start: Any, model: ScriptedChat) -> None:
    model.replies = ["It is 42.", "It is 42."]
    async with start(tool_protocol="native") as service:
        await send(service, [system("Speak French."), user("6 * 7?")], model="react")
    assert "Speak French." in prompts(model)[0]


async def test_without_any_the_prompts_are_ours_alone(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("print(6 * 7)"), "Final Answer: 42."]
    await send(service, [user("6 * 7?")], model="react")
    assert all("instructions as well" not in prompt for prompt in prompts(model))


async def test_a_system_prompt_that_changes_is_the_one_that_counts(service: Service, model: ScriptedChat) -> None:
    """The session was found but kept the first one; one in between was lost."""
    model.replies = ["1", "2", "3", "4"]
    messages = [user("a")]
    first = await send(service, [system("Be Ann."), *messages])
    messages += [said("1"), user("b")]
    second = await send(service, [system("Be Bob."), *messages])
    messages += [said("2"), system("Be brief."), user("c")]
    await send(service, [system("Be Bob."), *messages])
    await send(service, [*messages[:3], said("2"), user("c")])
    assert first["x_session_id"] == second["x_session_id"]
    asked = prompts(model)
    assert asked[:3] == ["Be Ann.", "Be Bob.", "Be Bob.\n\nBe brief."]
    assert "Be" not in asked[3].split()
    assert [m.text for m in model.asked[2][1:]] == ["a", "1", "b", "2", "c"]


async def test_one_that_is_sent_with_each_message_of_a_session_counts_once(
    service: Service, model: ScriptedChat
) -> None:
    model.replies = ["1", "2", "3"]
    session = (await send(service, [system("Be Ann."), user("a")]))["x_session_id"]
    await send(service, [system("Be Ann."), user("b")], session_id=session)
    await send(service, [user("c")], session_id=session)
    assert prompts(model) == ["Be Ann."] * 3


TOOLS_IN_WORDS = (
    "You are an engineer.\n\n# Tools\n\n## read_file\nUsage:\n<read_file>\n<path>a.py</path>\n</read_file>\n"
)
RULES = "".join(f"Rule {number}: keep the files tidy and explain what you change in them.\n" for number in range(200))


@pytest.mark.parametrize("by", ["system", "instructions"])
async def test_instructions_with_tools_of_their_own_reach_the_model_whole(
    service: Service, model: ScriptedChat, by: str
) -> None:
    """They were answered by an agent, which saw the first 4,000 characters."""
    text = f"{TOOLS_IN_WORDS}{RULES}END"
    model.replies = ["<read_file>\n<path>sum.py</path>\n</read_file>"]
    task = "<task>Compute 17 * 23 and plot it</task>"
    if by == "system":
        body: dict[str, Any] = {"messages": [system(text), user(task)]}
    else:
        body = {"input": task, "instructions": text}
    path = "/v1/chat/completions" if by == "system" else "/v1/responses"
    answer = await service.http.post(path, json={"model": "auto", **body})
    told = answer.json()["x_agent_metadata"]
    assert (told["agent_type"], told["steps"]) == ("chat", [])
    assert "its own tools" in told["route_reason"]
    assert prompts(model) == [text]


@pytest.mark.parametrize("mode", ["react", "plan_execute"])
async def test_an_agent_heeds_long_instructions_to_their_end(service: Service, model: ScriptedChat, mode: str) -> None:
    steps = [python_step("print(1)"), "Final Answer: 1"]
    model.replies = [*(["1. Compute a (tool: python_coder)"] if mode == "plan_execute" else []), *steps, "1."]
    await send(service, [system(f"{RULES}Speak French."), user("a?")], model=mode)
    assert all("Speak French." in prompt for prompt in prompts(model))


async def test_an_extraction_in_the_clients_format_is_written_at_once(service: Service, model: ScriptedChat) -> None:
    model.replies = ['{"total": 19.75}']
    text = "Extract the total: Ann paid 12.50, Bob paid 7.25, the sum of both is 19.75."
    told = await send(service, [user(text)], model="auto", response_format=FORM)
    assert told["x_agent_metadata"]["agent_type"] == "chat"
    assert len(model.asked) == 1
