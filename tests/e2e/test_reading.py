"""The real model with each kind of content that it can read and look up."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.documents import pdf, sign, xlsx
from tests.e2e.conftest import PRELOAD, Borrowed
from tests.serving import Service, running, settings_for
from tests.tools.tavily_server import KEY, result, tavily_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SALES = [["date", "product", "quantity", "amount"]] + [
    [f"2024-0{month}-10", product, month * number, round(12.5 * month * number, 2)]
    for month in range(1, 7)
    for number, product in enumerate(("lamp", "chair", "table"), start=1)
]
TOTAL = sum(round(12.5 * month * number, 2) for month in range(1, 7) for number in (1, 2, 3))
STAFF = [["name", "office"], ["Ann", "Oslo"], ["Bob", "Rome"]]

FILLER = "The committee met on the first Tuesday of each month and the minutes were approved without comment. "
PAPERS = {
    "harbour.pdf": [["Harbour of Alford", FILLER * 8], ["The pier was repaired in 1987.", FILLER * 8]],
    "library.pdf": [["Town library", FILLER * 8], ["The library has 64,200 books.", FILLER * 8]],
    "water.pdf": [
        ["Water supply of the district", FILLER * 8],
        ["Pipes are inspected every second year.", FILLER * 8],
        ["The reservoir at Kestrel Hill holds 18.4 million cubic metres of water.", FILLER * 8],
    ],
    "trains.pdf": [["The line between Alford and Benton is 41 kilometres long.", FILLER * 8]],
    "schools.pdf": [["Schools of the district", FILLER * 8], ["There are eleven primary schools.", FILLER * 8]],
}


async def ask(service: Service, question: str, files: dict[str, bytes], **fields: str) -> dict[str, Any]:
    answer = await service.http.post(
        "/v1/chat/completions",
        data={"messages": json.dumps([{"role": "user", "content": question}]), "temperature": "0", **fields},
        files=[("files", (name, data)) for name, data in files.items()],
        timeout=900,
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    print(question, "|", body["choices"][0]["message"]["content"])  # noqa: T201
    return body


def text_of(body: dict[str, Any]) -> str:
    return str(body["choices"][0]["message"]["content"])


async def test_columns_and_a_total_of_a_workbook_with_two_sheets(real_service: Service) -> None:
    book = xlsx({"Staff": STAFF, "Sales": SALES})
    question = "What are the columns of the sheet Sales in this Excel file, and what is the total of the column amount?"
    body = await ask(real_service, question, {"shop.xlsx": book})
    text = text_of(body).lower()
    assert all(column in text for column in ("date", "product", "quantity", "amount")), text
    assert f"{TOTAL:.0f}" in text.replace(",", ""), text


async def test_an_answer_in_the_third_of_five_documents_is_found_and_cited(real_service: Service) -> None:
    papers = {name: pdf(pages) for name, pages in PAPERS.items()}
    body = await ask(real_service, "How much water does the reservoir at Kestrel Hill hold?", papers)
    assert "18.4 million" in text_of(body)
    cites = [c["file_citation"] for c in body["choices"][0]["message"]["annotations"]]
    assert [(c["filename"], c["page"]) for c in cites][:1] == [("water.pdf", 3)]
    used = [source for source in body["x_agent_metadata"]["sources"] if source["cited"]]
    assert (used[0]["title"], used[0]["page"]) == ("water.pdf", 3)
    assert "Kestrel Hill" in used[0]["text"]
    again = await ask(real_service, "And how many books does the library have?", {}, session_id=body["x_session_id"])
    assert "64,200" in text_of(again)
    assert again["choices"][0]["message"]["annotations"][0]["file_citation"]["filename"] == "library.pdf"


async def test_printed_text_in_an_image_is_read(real_service: Service) -> None:
    image = sign(["OPENING HOURS", "Monday 8:30 to 17:45"])
    body = await ask(real_service, "What text is printed in this image?", {"door.png": image})
    assert body["x_agent_metadata"]["tools_used"] == ["vision_analyzer"]
    assert "opening hours" in text_of(body).lower()
    assert "17:45" in text_of(body)


async def test_a_question_to_the_web(tmp_path: Path, borrowed: Borrowed) -> None:
    async with tavily_server() as tavily:
        tavily.results = [
            result(
                "Lighthouse of Skerry Point",
                "https://lighthouses.example/skerry",
                "The lighthouse of Skerry Point was built in 1873 and is 38 metres tall.",
            ),
            result("Rowing", "https://rowing.example/", "The regatta is in June.", 0.2),
        ]
        settings = settings_for(
            tmp_path / "data", python_code_preload_libraries=PRELOAD, tavily_api_key=KEY, tavily_base_url=tavily.url
        )
        async with running(settings, borrowed) as service:
            body = await ask(service, "Search the web: how tall is the lighthouse of Skerry Point?", {})
    assert "38" in text_of(body)
    cite = body["choices"][0]["message"]["annotations"][0]["url_citation"]
    assert cite["url"] == "https://lighthouses.example/skerry"
