"""Long conversations with a small context window, through HTTP, with a scripted model that counts tokens."""

from langchain_core.messages import BaseMessage

from llm.scripted import ScriptedChat
from tests.serving import Service

WINDOW = 8192


def say(messages: list[BaseMessage]) -> str:
    if messages[0].text.startswith("You get a part of a conversation"):
        assert "what is old" not in messages[1].text
        return f"The person spoke of {messages[1].text.count('Person:')} things."
    return "Noted. " + "It is a long story and here is a part of it. " * 12


async def turn(service: Service, text: str, session: str | None) -> str:
    body = {"messages": [{"role": "user", "content": text}], "agent_type": "chat"}
    answer = await service.http.post("/v1/chat/completions", json=body | ({"session_id": session} if session else {}))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["x_session_id"])


async def test_two_hundred_turns_fit_the_window_and_the_first_is_remembered(
    service: Service, model: ScriptedChat
) -> None:
    model.replies, model.repeat, model.piece = [say], True, 1000
    session = None
    for number in range(200):
        words = "I am Ann and my boat is called Petrel." if number == 0 else f"Entry {number}: " + "so it went on " * 20
        session = await turn(service, words, session)
    sizes = [sum(model.get_num_tokens(m.text) for m in asked) for asked in model.asked]
    assert max(sizes) < WINDOW * 0.6
    assert "my boat is called Petrel" in model.asked[-1][0].text
    assert model.asked[-1][-1].text.startswith("Entry 199")
    made = [asked for asked in model.asked if asked[0].text.startswith("You get a part")]
    told = "\n".join(asked[1].text for asked in made)
    assert all(told.count(f"Entry {n}:") == 1 for n in range(1, 150)), "each old turn is summarised exactly once"
    assert 3 < len(made) < 30


async def test_a_short_conversation_is_told_as_it_is(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = [say], True
    session = await turn(service, "one", None)
    await turn(service, "two", session)
    assert [m.text[:5] for m in model.asked[1][1:]] == ["one", "Noted", "two"]


async def test_a_long_history_from_elsewhere_costs_two_summaries_at_most(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = [say], True
    history = []
    for number in range(300):
        history += [{"role": "user", "content": f"q{number} " + "word " * 200}, {"role": "assistant", "content": "a"}]
    body = {"messages": [*history, {"role": "user", "content": "and now?"}], "agent_type": "chat"}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert len(model.asked) == 3
    assert model.asked[-1][-1].text == "and now?"
