import pytest

from nodes.rules.mode import Situation, asks, choose_mode, is_housekeeping
from tools.question import sort_files

NOTHING = Situation(first=True)
LATER = Situation()
WORKED = Situation(worked=True)
TABLE = Situation(own=sort_files(["sales.csv"]), all=sort_files(["sales.csv"]), first=True)
LIBRARY = Situation(all=sort_files(["rules.pdf"]))

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
    assert choose_mode(text, NOTHING) == ("chat", "a front end's own request")


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


@pytest.mark.parametrize(
    ("question", "at_hand", "mode"),
    [
        ("Hello!", NOTHING, "chat"),
        ("Thanks, that was great", WORKED, "chat"),
        ("thank you", TABLE, "chat"),
        ("Hi, what is 12 * 37?", NOTHING, "react"),
        ("Write me a short poem about the sea", NOTHING, "chat"),
        ("Explain what a Python decorator is", NOTHING, "chat"),
        ("What is the difference between a list and a tuple?", NOTHING, "chat"),
        ("Who wrote Don Quixote?", NOTHING, "chat"),
        ("What is a median?", NOTHING, "chat"),
        ("Translate 'good morning' into French", NOTHING, "chat"),
        ("Why is the sky blue?", WORKED, "chat"),
        ("What is 17 * 23?", NOTHING, "react"),
        ("Write Python code that prints the first 10 primes", NOTHING, "react"),
        ("How many letters r are in the word 'strawberry'?", NOTHING, "react"),
        ("A train goes 60 km/h for 2.5 hours. How far does it get?", NOTHING, "react"),
        ("Is 7919 prime, and what comes after 7919?", NOTHING, "react"),
        ("Search the web for the height of the Eiffel Tower", NOTHING, "react"),
        ("What is the latest version of Python?", NOTHING, "react"),
        ("Summarise https://example.org/page.", NOTHING, "react"),
        ("Which region sold most?", TABLE, "react"),
        ("Explain the outliers", TABLE, "react"),
        ("Tell me a joke", TABLE, "chat"),
        ("What does rules.pdf say about holidays?", LIBRARY, "react"),
        ("Now double it", WORKED, "react"),
        ("And in Rome?", WORKED, "react"),
        ("Compute the mean of revenue, plot it per month, and save the table as out.xlsx", TABLE, "plan_execute"),
        ("1. Find the total revenue\n2. Find the best region\n3. Write both to a file", TABLE, "plan_execute"),
        (
            "First compute 2**10. Then count its digits. Finally tell me if it is a cube.",
            NOTHING,
            "plan_execute",
        ),
        ("What is the mean? What is the median? Which region is first?", TABLE, "plan_execute"),
        ("Tell me a joke, write a poem and suggest a name for a cat", NOTHING, "chat"),
        ("Calculate the mean of revenue. Round to 2 decimals. Use only rows of 2024.", TABLE, "react"),
    ],
)
def test_plain_questions_are_routed_by_rules(question: str, at_hand: Situation, mode: str) -> None:
    chosen = choose_mode(question, at_hand)
    assert chosen is not None
    assert chosen[0] == mode, chosen


@pytest.mark.parametrize("question", ["Is Oslo bigger than Rome?", "Help me with my garden", "xyzzy"])
def test_the_rules_say_when_they_cannot_tell(question: str) -> None:
    assert choose_mode(question, LATER) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("What is the mean?", 1),
        ("(1) the mean, (2) the median and (3) the mode of the column", 3),
        ("Load a.csv, merge it with b.csv on id, then group by city and plot the result", 4),
        ("In a.csv count the rows, say which city is first, and compute the mean", 3),
        ("", 0),
    ],
)
def test_asks_are_counted(text: str, count: int) -> None:
    assert asks(text) == count
