from nodes.react.grounding import cited, owed, without_citations
from tools.results import Source


def source(text: str) -> Source:
    return Source(kind="file", title="a.pdf", url=None, page=1, heading=None, position=0, score=1.0, text=text)


PUMP = [source("The pump has to be cleaned once a year."), source("The warranty of the pump is 36 months.")]


def test_citations_are_read_in_order_and_only_those_that_exist() -> None:
    assert cited("It is so [2], and so [1][2]. Not [7] nor [0].", 2) == [2, 1]


def test_a_forgotten_citation_is_added_where_a_passage_holds_the_answer() -> None:
    assert owed("The warranty is 36 months.", PUMP) == " [2]"
    assert owed("The warranty is 36 months [2].", PUMP) == ""
    assert owed("Bananas are yellow and sweet.", PUMP) == ""
    assert owed("Yes.", []) == ""


def test_one_sentence_that_a_passage_holds_is_enough() -> None:
    talk = "It was looked up somewhere, nothing came of that at first, and more words follow here. "
    assert owed(talk + "The warranty of the pump is 36 months.", PUMP) == " [2]"
    assert owed(talk + "The warranty of the boat is 12 years.", PUMP) == ""


def test_numbers_of_citations_are_no_numbers_of_the_answer() -> None:
    assert without_citations("36 months [2].") == "36 months ."
