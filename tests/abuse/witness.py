"""The second user, in a process of its own: chats, streams, computes, lists, and asks for `/health`.

`python -m tests.abuse.witness URL TOKEN` writes one line of JSON per request and ends with its standard input.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import httpx

KINDS = ("chat", "stream", "compute", "list", "health")
LAG = "lag"
"""What is not a request: how late the witness itself was woken up, because the machine was busy."""
PAUSE, HEALTH_PAUSE, LAG_PAUSE = 0.15, 0.1, 0.05
TIMEOUT = 60.0
ADDRESS = "127.0.0.2"
"""Not the attacker's: some limits are per address."""
TURNS = 40
"""After so many, the witness begins a new conversation."""


@dataclass(frozen=True)
class Sample:
    """One request. Times are of the machine's monotonic clock."""

    kind: str
    began: float
    seconds: float
    error: str
    """Empty if it was answered as it should be."""


class Witness:
    """Sends each kind of request in a loop of its own, the next one after the last one's answer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._sessions: dict[str, str] = {}
        self._turns = Counter[str]()
        self._number = 0
        self._first_piece = 0.0
        """When the last stream began, if it has."""

    async def run(self) -> None:
        kinds = (self.chat, self.stream, self.compute, self.list)
        loops = [self._repeat(kind, PAUSE) for kind in kinds]
        await asyncio.gather(*loops, self._repeat(self.health, HEALTH_PAUSE), self._watch_the_machine())

    async def _repeat(self, ask: Callable[[], Awaitable[str]], pause: float) -> None:
        while True:
            began = time.monotonic()
            try:
                error = await ask()
            except httpx.HTTPError as failed:
                error = f"{type(failed).__name__} {failed}"
            kind = ask.__name__
            ended = self._first_piece if kind == "stream" and not error else time.monotonic()
            _tell(Sample(kind, began, ended - began, error))
            await asyncio.sleep(pause)

    async def _watch_the_machine(self) -> None:
        while True:
            due = time.monotonic() + LAG_PAUSE
            await asyncio.sleep(LAG_PAUSE)
            _tell(Sample(LAG, due, time.monotonic() - due, ""))

    def _body(self, kind: str) -> dict[str, object]:
        messages = [{"role": "user", "content": "How are you?"}]
        session = self._sessions.get(kind)
        return {"model": "chat", "messages": messages, **({"session_id": session} if session else {})}

    async def chat(self) -> str:
        answer = await self._http.post("/v1/chat/completions", json=self._body("chat"))
        if answer.status_code != 200:
            return f"{answer.status_code} {answer.text[:200]}"
        told = answer.json()
        self._remember("chat", told["x_session_id"])
        return "" if told["choices"][0]["message"]["content"] == "Hello, I am fine." else answer.text[:200]

    async def stream(self) -> str:
        """Its time ends with the first piece; the rest must come too."""
        body = self._body("stream") | {"stream": True}
        async with self._http.stream("POST", "/v1/chat/completions", json=body) as answer:
            if answer.status_code != 200:
                return f"{answer.status_code} {(await answer.aread())[:200]!r}"
            self._remember("stream", answer.headers["X-Session-ID"])
            self._first_piece = 0.0
            async for line in answer.aiter_lines():
                self._first_piece = self._first_piece or time.monotonic()
                if '"error"' in line:
                    return line[:200]
                if line == "data: [DONE]":
                    return ""
        return "the stream ended early"

    def _remember(self, kind: str, session: str) -> None:
        """Continue this conversation, unless it has become long."""
        self._turns[kind] += 1
        self._sessions[kind] = session if self._turns[kind] % TURNS else ""

    async def compute(self) -> str:
        self._number += 1
        code = f"seen = {self._number} if {self._number} == 1 else seen + 1\nprint(seen * 2)"
        body = {"input": {"code": code}} | ({"session_id": self._sessions["compute"]} if self._number > 1 else {})
        answer = await self._http.post("/api/tools/python_coder", json=body)
        if answer.status_code != 200:
            self._number -= 1
            return f"{answer.status_code} {answer.text[:200]}"
        told = answer.json()
        self._sessions["compute"] = told["session_id"]
        if told["output"].strip() == str(self._number * 2):
            return ""
        self._number = 0
        return f"{told['output'][:200]} {told['error']}"

    async def list(self) -> str:
        for path in ("/api/conversations", "/api/files"):
            answer = await self._http.get(path)
            if answer.status_code != 200:
                return f"{answer.status_code} {answer.text[:200]}"
        return ""

    async def health(self) -> str:
        answer = await self._http.get("/health")
        return "" if answer.status_code == 200 else f"{answer.status_code}"


def _tell(sample: Sample) -> None:
    sys.stdout.write(json.dumps(asdict(sample)) + "\n")
    sys.stdout.flush()


async def main(url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.AsyncHTTPTransport(local_address=ADDRESS)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT, transport=transport) as http:
        witnessing = asyncio.ensure_future(Witness(http).run())
        await asyncio.to_thread(sys.stdin.read)
        witnessing.cancel()
        await asyncio.gather(witnessing, return_exceptions=True)


class Diary:
    """What the witness has told so far."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def read(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.samples.append(Sample(**json.loads(line)))

    def between(self, began: float, ended: float) -> list[Sample]:
        """The requests that were under way at some time between these two."""
        return [one for one in self.samples if one.began < ended and one.began + one.seconds > began]

    def fresh(self, moment: float) -> bool:
        """Whether a request of every kind that began after `moment` has been answered."""
        return {one.kind for one in self.samples[-800:] if one.began > moment} >= set(KINDS)


@contextmanager
def witness(url: str, token: str) -> Iterator[Diary]:
    """A witness that asks until the block ends."""
    command = [sys.executable, "-m", "tests.abuse.witness", url, token]
    diary = Diary()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        reading = threading.Thread(target=diary.read, args=(process.stdout,), daemon=True)
        reading.start()
        try:
            yield diary
        finally:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            reading.join()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
