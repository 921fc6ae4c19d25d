import pytest

from nodes.rules.housekeeping import is_housekeeping
from nodes.rules.mode import Situation, question_kind

HISTORY = "<chat_history>\nUSER: How big is the moon?\nASSISTANT: 3,474 km across.\n</chat_history>"
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
LIBRE = f"Provide a concise, 5-word-or-less title for the conversation, briefly.\n\nConversation:\n{HISTORY}"
OLD = "Create a concise, 3-5 word phrase as a title for the following query: How big is the moon?"
FOUND = """### Task:
Respond to the user query using the provided context, with citations.
### Output:
Clear text.
<context>The pier was repaired in 1987.</context>
<user_query>When was the pier repaired?</user_query>"""


@pytest.mark.parametrize("text", [TITLE, TAGS, FOLLOW_UPS, AUTOCOMPLETE, QUERIES, LIBRE, OLD])
def test_a_front_ends_own_requests_are_told_from_questions(text: str) -> None:
    assert is_housekeeping(text)
    assert question_kind(text, Situation(first=True)) == ("talk", "a front end's own request")


@pytest.mark.parametrize(
    "text",
    [
        FOUND,
        "Give me a title for my essay on whales",
        "Create a concise summary of the conversation between Anna and Bob in chapter 2",
        "### Task\nCompute 2+2",
        "",
    ],
)
def test_questions_are_no_housekeeping(text: str) -> None:
    assert not is_housekeeping(text)
