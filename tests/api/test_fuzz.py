"""schemathesis over the whole OpenAPI document, as an administrator, with a required login.

No response is a 5xx or differs from the document. `FUZZ_SECONDS` and `FUZZ_EXAMPLES` make it longer.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.people import LOGIN, Start, chat, person

SCHEMATHESIS = Path(__file__).parents[1] / "fuzz" / ".venv" / "bin" / "st"
"""In its own venv, which `make test-fuzz` creates."""
SECONDS = os.environ.get("FUZZ_SECONDS", "40")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "12")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)


KNOWN = """
[[operations]]
include-method-regex = "GET|PATCH|HEAD"
include-path-regex = "session_id"
parameters = {{ "path.session_id" = "{session}", "path.path" = "plot.txt" }}
"""
"""Create resources, so that not every response is a 404."""


@pytest.mark.fuzz
@pytest.mark.timeout(int(SECONDS) * 3 + 120)
async def test_no_request_breaks_the_service_or_the_document(start: Start, model: Any, tmp_path: Path) -> None:
    model.replies, model.repeat = ["hello"], True
    settings = LOGIN | {
        "user_requests_per_minute": 0,
        "user_concurrent_runs": 0,
        "user_disk_mb": 0,
        "user_max_files": 10**9,
    }
    async with start(**settings) as service, person(service, "boss") as boss:
        session = (await chat(boss)).json()["x_session_id"]
        (service.settings.data_dir / "sessions" / session / "plot.txt").write_text("a plot")
        (tmp_path / "schemathesis.toml").write_text(KNOWN.format(session=session))
        process = await asyncio.create_subprocess_exec(
            *(str(SCHEMATHESIS), "run", f"{service.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {boss.token}", "--checks", ",".join(CHECKS), "--no-color"),
            *(
                "--max-examples",
                EXAMPLES,
                "--max-time",
                SECONDS,
                "--seed",
                "1",
            ),  # Python 3.11's ast.parse sometimes fails in two threads
            *("--generation-database", "none"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
        )
        said, _ = await process.communicate()
        assert (await boss.http.get("/health")).status_code == 200
    sys.stdout.write(said.decode()[-20_000:])
    assert process.returncode == 0, "schemathesis found something; see above"
