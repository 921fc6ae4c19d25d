import time

import pytest

from nodes.rules.housekeeping import is_housekeeping
from nodes.rules.mode import Situation, question_kind

HISTORY = "<chat_history>\nUSER: How big is the moon?\nASSISTANT: 3,474 km across.\n</chat_history>"
PLAIN_HISTORY = "User: How big is the moon?\nAssistant: 3,474 km across."
TITLE = f"""### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Guidelines:
- Keep it clear and simple.
### Output:
JSON format: {{ "title": "your concise title here" }}
### Chat History:
{HISTORY}"""
TAGS = f"### Task:\nGenerate 1-3 broad tags for the chat history.\n### Output:\nJSON\n### Chat History:\n{HISTORY}"
FOLLOW_UPS = f"### Task:\nSuggest 3-5 follow-up questions.\n### Output:\nJSON array\n### Chat History:\n{HISTORY}"
AUTOCOMPLETE = "### Task:\nYou are an autocompletion system.\n### Notes:\n…\n<type>General</type>\n<text>The</text>"
QUERIES = f"### Task:\nSay whether search queries are needed.\n### Output:\nJSON\n{HISTORY}"
COMPACTION = f"### Task:\nSummarize what will be removed.\n\n### Messages Being Compacted:\n{PLAIN_HISTORY}"
LIBRE = f"Provide a concise, 5-word-or-less title for the conversation, briefly.\n\nConversation:\n{HISTORY}"
OLD = "Create a concise, 3-5 word phrase as a title for the following query: How big is the moon?"
NAMED = f"Based on the messages, give this conversation a name. No quotes, 10 characters or less.\n\n{PLAIN_HISTORY}"
MEMORY = (
    f"Look at the finished conversation turn and decide whether memory must change.\n\nConversation:\n{PLAIN_HISTORY}"
)
STANDALONE = f"Rephrase the follow up question to be a standalone question.\n\nChat history:\n{PLAIN_HISTORY}"
EMOJI = "Show the feeling of the speaker with one emoji.\n\nMessage: ```I won!```"
MERGED = 'You get responses from several models to "How big is the moon?"\n\nMerge them.\n\nResponses from models: a'
FOUND = """### Task:
Respond to the user query using the provided context, with citations.
### Output:
Clear text.
<context>
<source id="1">The pier was repaired in 1987. {}</source>
</context>
When was the pier repaired?"""
QUESTIONS_OF_FRONT_ENDS = [
    *(TITLE, TAGS, FOLLOW_UPS, AUTOCOMPLETE, QUERIES, COMPACTION, LIBRE, OLD, NAMED, MEMORY, STANDALONE, EMOJI, MERGED),
    TITLE.replace("3,474 km", "\n<context>\nKilometres\n</context>\n3,474 km"),
]


@pytest.mark.parametrize("text", QUESTIONS_OF_FRONT_ENDS)
def test_a_front_ends_own_requests_are_told_from_questions(text: str) -> None:
    assert is_housekeeping(text)
    assert question_kind(text, Situation(first=True)) == ("talk", "a front end's own request")


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("You are a title generator. Reply ONLY with a thread title.\nA title to find this conversation by.", "Moon?"),
        ("You will generate a short title based on the first message of a conversation, on one line only.", "Moon?"),
        ("Summarize the user's request into a single sentence of four words.", "How big is the moon?"),
        ("You need to turn the user's conversation into a title within 10 words.", '[{"role": "user"}]'),
        ("你是一名擅长会话的助理。你需要将用户的会话总结为 10 个字以内的标题", PLAIN_HISTORY),
        ('Available Tools: []\n\nReturn the tool(s) as JSON: {"tool_calls": []}', "Query: How big is the moon?"),
    ],
)
def test_requests_that_the_system_prompt_makes(system: str, text: str) -> None:
    assert is_housekeeping(text, system)
    assert not is_housekeeping("How big is the moon?", "Be kind.")


@pytest.mark.parametrize(
    "text",
    [
        FOUND.format(""),
        FOUND.format("\n<type>General</type>\n<chat_history>\nuser: hi\n</chat_history>\n"),
        "Give me a title for my essay on whales",
        "Give me three names for a chat app, one word each, only the names.",
        "Create a concise summary of the conversation between Anna and Bob in chapter 2",
        "What is the topic of this conversation?",
        "In this chat, use my name only.",
        "### Task\nCompute 2+2",
        "### Task:\nSummarize sales.csv\n### Output:\nOne number for each month",
        "Which emoji means joy?",
        "Rewrite this as a standalone function: def f(): pass",
        "Responses of two models are in a.csv and b.csv. Which is more accurate?",
        "",
    ],
)
def test_questions_are_no_housekeeping(text: str) -> None:
    assert not is_housekeeping(text)


@pytest.mark.parametrize(
    "system",
    [
        "You are Bob. In this conversation, only use the user's name.",
        "You are a helpful assistant. Give the chat a friendly tone; answer in 50 words or less.",
        "You write headlines for a newspaper. Only the headline, nothing else.",
        "You have these tools: search. Keep the topic of the conversation in mind and only answer what is asked.",
        "Available tools: search(q)",
    ],
)
def test_personas_are_no_housekeeping(system: str) -> None:
    assert not is_housekeeping("How big is the moon?", system)


@pytest.mark.parametrize(
    "piece", ["title ", "the chat ", "<context>\n", "Message: ", "emoji ", "a ", "# Task:\n", "the\n"]
)
def test_long_messages_take_no_time(piece: str) -> None:
    began = time.monotonic()
    is_housekeeping(piece * 100_000, piece * 100_000)
    assert time.monotonic() - began < 2
