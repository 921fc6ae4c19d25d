"""Continuing an answer on servers, and the IDs of messages."""

from langchain_core.messages import AIMessage

from tests.llm.model_server import ModelServer, refuse_when, say
from tests.llm.served_models import HI, chatting

BEGUN = [*HI, AIMessage("Hello, I")]


async def test_an_answer_is_continued(server: ModelServer) -> None:
    server.script = [say(" am here.")]
    async with chatting(server) as model:
        said = await model.ainvoke(BEGUN, continues=True)
    assert said.text == " am here."
    body = server.chats[0]
    assert [(message["role"], message["content"]) for message in body["messages"]][-1] == ("assistant", "Hello, I")
    if server.kind == "openai":
        assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


async def test_a_server_that_cannot_continue_is_asked_to(vllm: ModelServer) -> None:
    words = "Unrecognized request argument supplied: continue_final_message"
    vllm.script = [refuse_when("continue_final_message", words, say(" am here."))] * 3
    async with chatting(vllm) as model:
        for _ in range(2):
            assert (await model.ainvoke(BEGUN, continues=True)).text == " am here."
    assert ["continue_final_message" in body for body in vllm.chats] == [True, False, False]
    assert [vllm.chats[at]["messages"][-1]["role"] for at in range(3)] == ["assistant", "user", "user"]


async def test_ids_of_the_server_are_not_ours(server: ModelServer) -> None:
    """A server may give all replies the same ID, and a conversation keeps one message of each."""
    async with chatting(server) as model:
        ids = [{chunk.id async for chunk in model.astream(HI)} for _ in range(2)]
    assert [len(one) for one in ids] == [1, 1]
    assert ids[0] != ids[1]
