"""The scripted model, which replaces all others in the tests."""

from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from llm.scripted import ScriptedChat

HELLO = [HumanMessage("hello")]
PAINT = {"type": "function", "function": {"name": "paint", "description": "paints", "parameters": {"type": "object"}}}


async def test_the_scripted_model_calls_what_it_is_told_to() -> None:
    calls = [{"name": "paint", "args": {"colour": "red"}, "id": f"c{n}"} for n in range(2)]
    model = ScriptedChat(replies=[AIMessage("I paint.", tool_calls=calls)] * 2)
    bound = model.bind_tools([PAINT], tool_choice="any")
    message = await bound.ainvoke(HELLO)
    assert message.text == "I paint."
    assert [call["id"] for call in message.tool_calls] == ["c0", "c1"]
    assert model.arguments[0]["tool_choice"] == "required"
    assert model.arguments[0]["tools"][0]["function"]["name"] == "paint"
    pieces = [piece async for piece in bound.astream(HELLO)]
    assert sum(bool(chunk.tool_call_chunks) for chunk in pieces if isinstance(chunk, AIMessageChunk)) > 4
