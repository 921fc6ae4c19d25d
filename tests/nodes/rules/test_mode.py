import pytest

from nodes.rules.mode import Situation, asks, question_kind
from tools.question import sort_files

NOTHING = Situation(first=True)
LATER = Situation()
WORKED = Situation(worked=True)
TABLE = Situation(own=sort_files(["sales.csv"]), all=sort_files(["sales.csv"]), first=True)
LIBRARY = Situation(all=sort_files(["rules.pdf"]))


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
