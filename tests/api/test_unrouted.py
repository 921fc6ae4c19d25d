"""Paths, methods and operations that the service does not have: refused in OpenAI's error format."""

from typing import Any

import httpx
import pytest
from openai import BadRequestError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.serving import Service

pytestmark = pytest.mark.one_service

NOT_ALLOWED: list[tuple[str, str, set[str]]] = [
    ("PUT", "/v1/responses/resp_1", {"GET", "DELETE"}),
    ("POST", "/v1/responses/resp_1", {"GET", "DELETE"}),
    ("GET", "/v1/responses", {"POST"}),
    ("GET", "/v1/chat/completions", {"POST"}),
    ("PUT", "/api/conversations/x", {"GET", "PATCH", "DELETE"}),
    ("POST", "/api/files/x", {"GET", "HEAD", "DELETE"}),
    ("DELETE", "/v1/models", {"GET"}),
]


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize(("method", "path", "allowed"), NOT_ALLOWED)
async def test_a_wrong_method_names_all_allowed_ones(
    service: Service, method: str, path: str, allowed: set[str]
) -> None:
    answer = await service.http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    message = error_of(answer)["message"]
    assert all(name in message for name in (method, path, *allowed))


@pytest.mark.parametrize("path", ["/nowhere", "/v1/conversations", "/v1/audio/speech", '/v1/%22%0d%0a"<b>'])
async def test_an_unknown_path_is_named(service: Service, path: str) -> None:
    answer = await service.http.post(path, json={})
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "not_found"
    assert "POST /" in error_of(answer)["message"]


async def test_operations_of_responses_that_are_not_supported_say_so(service: Service) -> None:
    with pytest.raises(BadRequestError, match="/v1/responses/compact is not supported") as refused:
        await service.client.responses.compact(model="auto", input="hi")
    assert refused.value.code == "unsupported_endpoint"
    with pytest.raises(BadRequestError, match="/v1/responses/input_tokens is not supported"):
        await service.client.responses.input_tokens.count(model="auto", input="hi")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/v1/responses", 400, "unsupported_transport"), ("/v1/realtime", 404, "not_found"), ("/", 404, "not_found")],
)
async def test_a_websocket_elsewhere_is_refused_with_a_reason(
    service: Service, path: str, status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(service.url.replace("http", "ws") + path):
            pass
    assert refused.value.response.status_code == status
    assert refused.value.response.body is not None
    assert f'"code":"{code}"'.encode() in refused.value.response.body
