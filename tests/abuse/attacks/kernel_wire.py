"""Programs that write into their kernel's own sockets, or make it send what no honest kernel sends."""

# mypy: disable-error-code="attr-defined,no-untyped-call,name-defined"
from collections.abc import Iterator
from typing import Any

from tests.abuse.enemy import Enemy, source


def connected() -> Iterator[Any]:
    import os
    import socket
    import stat

    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.stat(f"/proc/self/fd/{name}").st_mode):
                end = socket.socket(fileno=os.dup(int(name)))
                if end.type == socket.SOCK_STREAM and end.getpeername() is not None:
                    yield end
        except OSError:
            pass


def write(data: bytes, seconds: float) -> None:
    import socket
    import time

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for end in connected():
            try:
                end.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except OSError:
                pass
            finally:
                end.close()


def write_later(data: bytes, seconds: float) -> None:
    import threading

    threading.Thread(target=write, args=(data, seconds), daemon=True).start()


def publish(kind: str, content: Any, **more: Any) -> None:
    app = get_ipython().kernel  # noqa: F821
    message = app.session.msg(kind, content, parent=app.get_parent())
    message.update(more)
    app.iopub_thread.schedule(lambda: app.session.send(app.iopub_thread.socket, message))


HELPERS = (connected, write, write_later, publish)


def frame_without_end_after_the_reply() -> None:
    """A thread writes a frame of 2^64 bytes into all sockets after the reply; then the session executes again."""
    write_later(b"\x02" + b"\xff" * 8 + bytes(500), 3)


def garbage_after_the_reply() -> None:
    """A thread writes random bytes into all sockets after the reply."""
    import os

    write_later(os.urandom(500), 3)


def parts_without_end() -> None:
    """A message of endless parts, from a thread that goes on after the reply."""
    write_later((b"\x01\xff" + bytes(255)) * 400, 3)


def large_parts_without_end() -> None:
    """A message of endless parts of 1 MB."""
    write(b"\x03" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20), 2)


def commands_without_end() -> None:
    """Endless commands of the transport."""
    write_later((b"\x04\xff" + bytes(255)) * 400, 3)


def dates_in_a_header() -> None:
    """A signed message with 240,000 ISO dates in its parent header."""
    publish("stream", {}, parent_header={str(n): "2026-11-30T12:00:00.000000Z" for n in range(240_000)})


def keys_of_a_body() -> None:
    """A signed message of 38 MB with three million keys."""
    publish("display_data", {"data": {str(n): 0 for n in range(3_000_000)}})


def keys_below_the_limit() -> None:
    """Signed messages just below the limit of a message, with 600,000 keys each."""
    for _ in range(5):
        publish("display_data", {"data": {str(n): 0 for n in range(600_000)}})


def deep_nesting() -> None:
    """Signed messages that are a million lists deep."""
    app = get_ipython().kernel  # noqa: F821
    app.session.pack = lambda thing: b"[" * 1_000_000
    publish("display_data", {})


def deep_nesting_in_a_display() -> None:
    """A display whose text is a JSON of a million lists."""
    app = get_ipython().kernel  # noqa: F821
    pack = app.session.pack
    bomb = b'{"data": {"text/plain": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}}"
    app.session.pack = lambda thing: bomb if isinstance(thing, dict) and "data" in thing else pack(thing)
    for _ in range(5):
        publish("display_data", {"data": {"text/plain": "x"}})


def flood_of_empty_messages() -> None:
    """Fifty thousand messages without a text."""
    for _ in range(50_000):
        publish("stream", {"name": "stdout", "text": ""})


def early_ends() -> None:
    """Ends of the output and replies before there is any."""
    for _ in range(500):
        publish("status", {"execution_state": "idle"})
        publish("execute_reply", {"status": "ok"})


def foreign_parents() -> None:
    """Output that claims to belong to another request."""
    for n in range(2000):
        publish("stream", {"name": "stdout", "text": "x" * 500}, parent_header={"msg_id": str(n)})


def signature_of_another() -> None:
    """Ten thousand messages with a wrong signature."""
    app = get_ipython().kernel  # noqa: F821
    app.session.sign = lambda parts: b"0" * 64
    for _ in range(10_000):
        publish("stream", {"name": "stdout", "text": "x" * 100})


async def flood_of_idle_kernels(enemy: Enemy) -> None:
    """Sixteen idle kernels flood their output sockets."""

    def flood() -> None:
        import threading
        import time

        def pour() -> None:
            until = time.monotonic() + 5
            while time.monotonic() < until:
                publish("stream", {"name": "stdout", "text": "x" * 500_000})
                time.sleep(0.01)

        threading.Thread(target=pour, daemon=True).start()

    await enemy.cells(source(flood, *HELPERS), sessions=16)
