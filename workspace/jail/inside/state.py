"""Answers requests about the kernel's variables between cells, on the main thread.

A request is a packet on the state socket passed at the fork, together with a stream socket for the answer.
"""

import gc
import json
import mmap
import os
import signal
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from tornado.ioloop import IOLoop

from .. import frames
from ..variables import Report
from . import describe, snapshot
from .children import forget_ended

_REQUEST = 4096


class RemoteStore:
    """The server's store at the other end of a stream."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    def put(self, data: memoryview) -> str:
        """See `snapshot.Store`."""
        view = memoryview(data).cast("B")
        name = frames.digest(view)
        frames.send(self._stream, frames.HAS, name + view.nbytes.to_bytes(8, "big"))
        if frames.receive(self._stream, 0)[0] == frames.NO:
            frames.send(self._stream, frames.BLOB, view)
        return name.hex()

    def get(self, digest: str) -> Any:
        """See `snapshot.Store`. Raises LookupError if the server does not have these bytes, or they are damaged."""
        frames.send(self._stream, frames.GET, bytes.fromhex(digest))
        kind, length, fd = frames.receive_header_with_fd(self._stream)
        if kind == frames.FILE and fd is not None:
            try:
                return mmap.mmap(fd, length, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            finally:
                os.close(fd)
        if kind == frames.BLOB:
            return bytearray(frames.receive_exactly(self._stream, length))
        raise LookupError("its bytes are missing or damaged")


class StateServer:
    """Answers the requests of one kernel's server."""

    def __init__(self, shell: Any, requests: socket.socket, savers: set[int]) -> None:
        """`savers` receives the process IDs of the copies that save."""
        self._namespace: dict[str, Any] = shell.user_ns
        self._hidden: dict[str, Any] = dict(shell.user_ns_hidden)
        self._requests = requests
        self._savers = savers

    def answer(self, *_event: object) -> None:
        """Serve one request. Called by the event loop when there is one."""
        packet, fds, *_rest = socket.recv_fds(self._requests, _REQUEST, 1)
        if not packet or not fds:
            IOLoop.current().remove_handler(self._requests.fileno())
            return
        request = json.loads(packet)
        with socket.socket(fileno=fds[0]) as stream:
            match request["operation"]:
                case "save":
                    self._save_in_a_copy(stream, request)
                case "restore":
                    self._restore(stream)
                case "list":
                    frames.send(stream, frames.REPORT, self._list().to_json())

    def _save_in_a_copy(self, stream: socket.socket, request: dict[str, Any]) -> None:
        forget_ended(self._savers)
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # Python 3.12 warns about forking with threads: the copy uses nothing that other threads may have locked.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            self._savers.add(pid)
            return
        try:
            # Pickling runs the session's code, which may wait for a thread that does not exist in this copy.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(request["seconds"]) + 1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            gc.disable()
            self._save(RemoteStore(stream), stream, request)
        finally:
            os._exit(0)

    def _save(self, store: snapshot.Store, stream: socket.socket, request: dict[str, Any]) -> None:
        save = snapshot.Save(self._namespace, self._hidden, store)
        save.run(request["variable_limit"], request["total_limit"])
        frames.send(stream, frames.REPORT, save.report.to_json())
        frames.send(stream, frames.MANIFEST, save.manifest)

    def _restore(self, stream: socket.socket) -> None:
        manifest = frames.receive(stream, frames.TEXT_LIMIT)[1]
        report = snapshot.Restore(self._namespace, RemoteStore(stream), manifest).run()
        frames.send(stream, frames.REPORT, report.to_json())

    def _list(self) -> Report:
        names = describe.own_names(self._namespace, self._hidden)
        return Report(tuple(describe.describe(n, self._namespace[n], kept=False) for n in names))


def serve(shell: Any, descriptor: int, savers: set[int]) -> None:
    """Answer requests on `descriptor` once the kernel's event loop runs; for `savers`, see `StateServer`."""
    server = StateServer(shell, socket.socket(fileno=descriptor), savers)
    IOLoop.current().add_handler(descriptor, server.answer, IOLoop.READ)


class _FolderStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: memoryview) -> str:
        name = frames.digest(data).hex()
        (self._folder / name).write_bytes(data)
        return name

    def get(self, digest: str) -> Any:
        return (self._folder / digest).read_bytes()


def rehearse(namespace: dict[str, Any]) -> None:
    """Save and restore once, to find out which modules this imports."""
    with tempfile.TemporaryDirectory() as folder:
        store = _FolderStore(Path(folder))
        save = snapshot.Save(namespace, {}, store)
        save.run(1 << 20, 1 << 20)
        snapshot.Restore({}, store, save.manifest).run()
