"""Middleware: security headers, allowed hosts and pages, request IDs, the client's address."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.people import HI, LOGIN, PASSWORD, Start, log_in, person
from tests.serving import Service, until


def careful(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-xss-protection"] == "0"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"].partition("style-src")[0]
    assert headers["x-request-id"]
    assert "server" not in headers


async def test_every_answer_is_careful_errors_of_every_kind_too(start: Start, model: Any) -> None:
    model.replies = [ZeroDivisionError("x")]
    async with start(max_body_mb=1) as service:
        answers = {
            200: await service.http.get("/health"),
            404: await service.http.get("/nowhere"),
            405: await service.http.put("/health"),
            400: await service.http.post("/v1/chat/completions", json={}),
            403: await service.http.get("/health", headers={"host": "evil.example"}),
            413: await service.http.post("/api/auth/login", content=b"x" * (2 << 20)),
            500: await service.http.post("/v1/chat/completions", json={"messages": HI}),
        }
    for status, answer in answers.items():
        assert answer.status_code == status
        careful(answer)
        assert "strict-transport-security" not in answer.headers


async def test_an_internal_error_outside_of_runs_is_careful_too(start: Start) -> None:
    async with start(**LOGIN) as service:
        service.settings.secret_file.write_text("damaged")
        body = {"username": "boss", "password": PASSWORD}
        answer = await service.http.post("/api/auth/login", json=body)
        assert answer.status_code == 500
        careful(answer)
        assert "secret.key" not in answer.text


async def test_tls_is_known_from_a_trusted_proxy_alone(start: Start) -> None:
    headers = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
    async with start() as service:
        assert "strict-transport-security" not in (await service.http.get("/health", headers=headers)).headers
    async with start(trusted_proxies=("127.0.0.1",)) as service:
        assert "max-age" in (await service.http.get("/health", headers=headers)).headers["strict-transport-security"]


async def test_the_client_address_is_believed_of_a_trusted_proxy_alone(start: Start) -> None:
    """Otherwise someone guessing passwords would use a different address for every guess."""
    for trusted, addresses in (((), {"127.0.0.1"}), (("127.0.0.0/8",), {"203.0.113.1", "203.0.113.2"})):
        async with start(**LOGIN, trusted_proxies=trusted) as service:
            service.settings.audit_file.write_text("")
            for last in (1, 2):
                await guess(service, f"198.51.100.7, 203.0.113.{last}")
            # The log is written concurrently with the response.
            await until(lambda file=service.settings.audit_file: len(entries(file)) == 2)  # type: ignore[misc]
            assert {entry["from"] for entry in entries(service.settings.audit_file)} == addresses


async def guess(service: Service, forwarded: str) -> httpx.Response:
    body = {"username": "boss", "password": "a guess"}
    return await service.http.post("/api/auth/login", json=body, headers={"x-forwarded-for": forwarded})


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_request_id_is_taken_when_it_is_a_plain_word(service: Service) -> None:
    assert (await service.http.get("/health", headers={"x-request-id": "abc-1.2_3"})).headers[
        "x-request-id"
    ] == "abc-1.2_3"
    for name in ("", "a b", "a" * 65, "<script>", "ä".encode(), b"a\tb"):
        raw = name if isinstance(name, bytes) else name.encode()
        given = (await service.http.get("/health", headers={b"x-request-id": raw})).headers["x-request-id"]
        assert len(given) == 16
        assert given.isalnum()
    first, second = [(await service.http.get("/health")).headers["x-request-id"] for _ in range(2)]
    assert first != second


async def test_line_breaks_do_not_get_into_headers_or_logs(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        bad = "x%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<html>"
        for path in (f"/api/files/{bad}", f"/api/conversations/{bad}", f"/v1/models/{bad}", f"/{bad}", f"/docs/{bad}"):
            for method in ("GET", "DELETE"):
                answer = await ann.http.request(method, path)
                assert answer.status_code in (404, 405), path
                assert "set-cookie" not in answer.headers
        files = {"files": ('a"\r\nSet-Cookie: a=b;.html', b"<script>alert(1)</script>")}
        stored = (await ann.http.post("/api/upload", files=files)).json()["files"][0]
        answer = await ann.http.get(stored["url"])
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "set-cookie" not in answer.headers
    # Lines are written concurrently with the responses: all are there once the service has stopped.
    actions = [entry["action"].split()[0] for entry in entries(service.settings.audit_file)]
    assert actions.count("DELETE") == 5
    assert set(actions) == {"DELETE", "POST"}


async def test_hosts_are_checked_when_they_are_named(start: Start) -> None:
    async with start(**LOGIN, allowed_hosts=("llm.example", "*.example.org")) as service:
        for host, status in (
            ("llm.example", 200),
            ("LLM.example:443", 200),
            ("a.example.org", 200),
            ("localhost", 200),
            ("example.org", 403),
            ("evil-llm.example", 403),
            ("llm.example.evil", 403),
            ("llm.example@evil", 403),
            ("", 403),
        ):
            assert (await service.http.get("/health", headers={"host": host})).status_code == status, host
    async with start(**LOGIN) as service:
        assert (await service.http.get("/health", headers={"host": "any.example"})).status_code == 200


async def test_with_a_login_pages_of_others_have_no_token_and_no_cors(start: Start) -> None:
    page = {"origin": "https://evil.example"}
    async with start(**LOGIN) as service:
        answer = await service.http.post("/v1/chat/completions", json={"messages": HI}, headers=page)
        assert answer.status_code == 401
        assert "access-control-allow-origin" not in answer.headers
        token = {"Authorization": f"Bearer {await log_in(service, 'boss')}"}
        answer = await service.http.get("/api/auth/me", headers=page | token)
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
        asked = page | {"access-control-request-method": "POST"}
        assert (await service.http.options("/v1/chat/completions", headers=asked)).status_code == 405


async def test_cors_is_for_the_named_origins(start: Start) -> None:
    async with start(cors_origins=("https://ui.example",)) as service:
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-stainless-os",
        }
        known = await service.http.options("/v1/chat/completions", headers=asked | {"origin": "https://ui.example"})
        assert known.headers["access-control-allow-origin"] == "https://ui.example"
        assert "access-control-allow-credentials" not in known.headers
        assert (await service.http.get("/health", headers={"origin": "https://ui.example"})).status_code == 200
        for origin in ("https://evil.example", "https://ui.example.evil", "null"):
            answer = await service.http.options("/v1/chat/completions", headers=asked | {"origin": origin})
            assert "access-control-allow-origin" not in answer.headers
            assert (await service.http.get("/health", headers={"origin": origin})).status_code == 403


async def test_docs_ask_no_other_server_and_run_nothing_inline(service: Service) -> None:
    page = await service.http.get("/docs")
    assert "//" not in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "https:" not in policy
    for name, kind in (
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("start.js", "text/javascript"),
    ):
        assert f'"/docs/{name}"' in page.text
        assert (await service.http.get(f"/docs/{name}")).headers["content-type"].startswith(kind)
    for name in ("redoc.standalone.js", "..%2f__init__.py", "x"):
        assert (await service.http.get(f"/docs/{name}")).status_code == 404
    assert (await service.http.get("/redoc")).status_code == 404
