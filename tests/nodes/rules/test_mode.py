import pytest

from nodes.rules.mode import Situation, asks, is_housekeeping, question_kind
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
    assert question_kind(text, NOTHING) == ("talk", "a front end's own request")


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
    ("question", "at_hand", "kind"),
    [
        ("Hello!", NOTHING, "talk"),
        ("Thanks, that was great", WORKED, "talk"),
        ("thank you", TABLE, "talk"),
        ("Hi, what is 12 * 37?", NOTHING, "work"),
        ("Write me a short poem about the sea", NOTHING, "talk"),
        ("Explain what a Python decorator is", NOTHING, "talk"),
        ("What is the difference between a list and a tuple?", NOTHING, "talk"),
        ("Who wrote Don Quixote?", NOTHING, "talk"),
        ("What is a median?", NOTHING, "talk"),
        ("Translate 'good morning' into French", NOTHING, "talk"),
        ("Why is the sky blue?", WORKED, "talk"),
        ("What is 17 * 23?", NOTHING, "work"),
        ("Write Python code that prints the first 10 primes", NOTHING, "work"),
        ("How many letters r are in the word 'strawberry'?", NOTHING, "work"),
        ("A train goes 60 km/h for 2.5 hours. How far does it get?", NOTHING, "work"),
        ("Is 7919 prime, and what comes after 7919?", NOTHING, "work"),
        ("Search the web for the height of the Eiffel Tower", NOTHING, "work"),
        ("What is the latest version of Python?", NOTHING, "work"),
        ("Summarise https://example.org/page.", NOTHING, "work"),
        ("Which region sold most?", TABLE, "work"),
        ("Explain the outliers", TABLE, "work"),
        ("Tell me a joke", TABLE, "talk"),
        ("What does rules.pdf say about holidays?", LIBRARY, "work"),
        ("Now double it", WORKED, "work"),
        ("And in Rome?", WORKED, "work"),
        ("Compute the mean of revenue, plot it per month, and save the table as out.xlsx", TABLE, "plan"),
        ("1. Find the total revenue\n2. Find the best region\n3. Write both to a file", TABLE, "plan"),
        (
            "First compute 2**10. Then count its digits. Finally tell me if it is a cube.",
            NOTHING,
            "plan",
        ),
        ("What is the mean? What is the median? Which region is first?", TABLE, "plan"),
        ("Tell me a joke, write a poem and suggest a name for a cat", NOTHING, "talk"),
        ("Calculate the mean of revenue. Round to 2 decimals. Use only rows of 2024.", TABLE, "work"),
    ],
)
def test_rules_tell_the_kind_of_plain_questions(question: str, at_hand: Situation, kind: str) -> None:
    told = question_kind(question, at_hand)
    assert told is not None
    assert told[0] == kind, told


@pytest.mark.parametrize("question", ["Is Oslo bigger than Rome?", "Help me with my garden", "xyzzy"])
def test_the_rules_say_when_they_cannot_tell(question: str) -> None:
    assert question_kind(question, LATER) is None


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
