import pytest

from nodes.rules.question import form_of_answer, likely_tools, without_order
from tools import TOOLS
from tools.question import Files, Question, sort_files

PURPOSES = {name: tool.PURPOSE for name, tool in TOOLS.items()}
TABLE = sort_files(["sales.csv"])
DOCUMENTS = sort_files(["pump.pdf", "rules.docx"])
IMAGE = sort_files(["photo.png"])
MIXED = sort_files(["sales.csv", "pump.pdf", "photo.png"])


@pytest.mark.parametrize(
    ("question", "files", "expected"),
    [
        ("What is the 50th Fibonacci number?", Files(), ["python_coder"]),
        ("Tell me something", Files(), ["python_coder"]),
        ("Search the web for the height of the Eiffel Tower", Files(), ["web_search"]),
        ("What is the latest version of Python?", Files(), ["web_search"]),
        ("Summarise https://example.org/page.", Files(), ["read_page"]),
        ("Which region has the highest revenue?", TABLE, ["python_coder"]),
        ("What is the warranty of the pump?", DOCUMENTS, ["rag_retriever"]),
        ("What does rules.docx say about holidays?", MIXED, ["rag_retriever"]),
        ("What text is printed on the sign?", IMAGE, ["vision_analyzer"]),
        ("What does photo.png show?", MIXED, ["vision_analyzer"]),
        ("What is in sales.csv?", MIXED, ["python_coder"]),
        ("What is the mean revenue per region?", MIXED, ["python_coder"]),
        ("What does the report say about safety?", MIXED, ["rag_retriever"]),
    ],
)
def test_plain_questions_need_no_model(question: str, files: Files, expected: list[str]) -> None:
    assert likely_tools(Question.of(question, files), PURPOSES) == expected


@pytest.mark.parametrize(
    ("question", "files", "expected"),
    [
        ("What is the total in the report?", MIXED, ["rag_retriever", "python_coder"]),
        ("Count the words in rules.docx", DOCUMENTS, ["rag_retriever", "python_coder"]),
        ("Calculate 17% of 2300.", DOCUMENTS, ["python_coder", "rag_retriever"]),
    ],
)
def test_a_question_that_could_mean_either_leaves_the_choice(question: str, files: Files, expected: list[str]) -> None:
    assert likely_tools(Question.of(question, files), PURPOSES) == expected


def test_only_tools_that_are_there_are_named() -> None:
    only = {"python_coder": PURPOSES["python_coder"]}
    assert likely_tools(Question.of("Search the web for cats"), only) == ["python_coder"]
    assert likely_tools(Question.of("anything"), {}) == []


@pytest.mark.parametrize(
    ("files", "expected"), [(Files(), ["web_search"]), (TABLE, ["file_analyzer"]), (IMAGE, ["vision_analyzer"])]
)
def test_without_a_tool_that_fits_it_is_one_that_can_begin(files: Files, expected: list[str]) -> None:
    others = {name: purpose for name, purpose in PURPOSES.items() if name != "python_coder"}
    assert likely_tools(Question.of("Tell me something", files), others) == expected


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("Search the web: how tall is it?", "how tall is it?"),
        ("Please look up in the documents, who leads the project?", "who leads the project?"),
        ("How tall is it?", "How tall is it?"),
        ("Search the web for cats", "Search the web for cats"),
        ("Search:  ", "Search:  "),
    ],
)
def test_an_order_to_search_is_left_out_once_it_is_done(question: str, plain: str) -> None:
    assert without_order(question) == plain


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("What is the mean?\nGive the answer in this format: @mean[value]\nIt is in a.csv.", "@mean[value]"),
        ("Who won? Write it as @winner[name], @points[number].", "Write it as @winner[name], @points[number]."),
        ("Count them.\nOutput format: a line for each\nThanks", "a line for each"),
        ("The dates are in the format 31.12.2024. How many days are there?", ""),
        ("Which format has the file?", ""),
        ("Write to me@example.org", ""),
    ],
)
def test_the_form_of_an_answer_is_found_in_the_question(question: str, form: str) -> None:
    assert form_of_answer(question) == form
