"""The mechanisms by themselves: tables, filters, limits, messages."""

import errno
import platform
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspace.jail.variables import Report, Variable
from workspace.jail.walls import bpf, seccomp
from workspace.jail.walls.syscall_table import AUDIT_ARCH, LAST_KNOWN, numbers
from workspace.jail.wire import Level, ZygoteConfig


def verdict(program: bytes, number: int, *arguments: int, arch: int | None = None) -> int:
    """Linux's verdict: runs the few instructions that the assembler supports."""
    data = struct.pack("=IIQ6Q", number, arch or AUDIT_ARCH[platform.machine()], 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    value = position = 0
    while True:
        opcode, if_true, if_false, constant = struct.unpack_from("HBBI", program, position * 8)
        position += 1
        match opcode:
            case 0x20:
                value = struct.unpack_from("=I", data, constant)[0]
            case 0x54:
                value &= constant
            case 0x06:
                return int(constant)
            case 0x15:
                position += if_true if value == constant else if_false
            case 0x25:
                position += if_true if value > constant else if_false
            case 0x45:
                position += if_true if value & constant else if_false
            case _:
                raise AssertionError(f"unknown instruction {opcode:#x}")


@pytest.fixture(scope="module", params=[True, False], ids=["with namespaces", "without"])
def program(request: pytest.FixtureRequest) -> bytes:
    return seccomp.build(namespaces=request.param)


@pytest.mark.parametrize("name", ["ptrace", "mount", "unshare", "bpf", "keyctl", "memfd_create", "symlinkat"])
def test_dangerous_calls_are_refused(name: str, program: bytes) -> None:
    assert verdict(program, numbers()[name]) == bpf.fail(errno.EPERM)


@pytest.mark.parametrize("name", ["socket", "connect", "bind", "listen"])
def test_sockets_are_refused(name: str, program: bytes) -> None:
    assert verdict(program, numbers()[name], 1, 1) == bpf.fail(errno.EACCES)


def test_calls_are_judged_by_their_arguments(program: bytes) -> None:
    table = numbers()
    assert verdict(program, table["socketpair"], 1, 1 | 0o2000000) == bpf.ALLOW
    assert verdict(program, table["socketpair"], 1, 2) == bpf.fail(errno.EACCES)
    assert verdict(program, table["socketpair"], 2, 1) == bpf.fail(errno.EACCES)
    assert verdict(program, table["clone"], 17) == bpf.ALLOW
    assert verdict(program, table["clone"], 0x10000000 | 17) == bpf.fail(errno.EPERM)
    assert verdict(program, table["ioctl"], 0, 0x5412) == bpf.fail(errno.EPERM)
    assert verdict(program, table["ioctl"], 0, 0x5413) == bpf.ALLOW
    assert verdict(program, table["sched_setscheduler"], 0, 0) == bpf.ALLOW
    assert verdict(program, table["sched_setscheduler"], 0, 1) == bpf.fail(errno.EPERM)


def test_foreign_tables_and_new_calls_are_unknown(program: bytes) -> None:
    assert verdict(program, numbers()["socket"], arch=0x40000003) == bpf.KILL
    assert verdict(program, LAST_KNOWN + 1) == bpf.fail(errno.ENOSYS)
    assert verdict(program, numbers()["clone"] | 0x40000000) == bpf.fail(errno.ENOSYS)
    assert verdict(program, numbers()["io_uring_setup"]) == bpf.fail(errno.ENOSYS)


def test_without_namespaces_processes_keep_to_themselves() -> None:
    program, table = seccomp.build(namespaces=False), numbers()
    assert verdict(program, table["setsid"]) == bpf.fail(errno.EPERM)
    assert verdict(program, table["prlimit64"], 0) == bpf.ALLOW
    assert verdict(program, table["prlimit64"], 7) == bpf.fail(errno.EPERM)
    assert verdict(program, table["fchmodat"]) == bpf.fail(0)
    assert verdict(program, table["utimensat"], 3, 0) == bpf.ALLOW
    assert verdict(program, table["utimensat"], 3, 1 << 40) == bpf.fail(0)


@given(number=st.integers(0, 2**32 - 1), arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_every_call_gets_a_verdict(number: int, arguments: list[int]) -> None:
    assert verdict(seccomp.build(namespaces=True), number, *arguments) >= 0


def test_both_processors_have_the_calls_that_matter() -> None:
    both = set(numbers("x86_64")) & set(numbers("aarch64"))
    assert both >= {"socket", "clone", "unshare", "mount", "seccomp", "landlock_restrict_self", "symlinkat"}
    assert max([*numbers("x86_64").values(), *numbers("aarch64").values()]) <= LAST_KNOWN
    with pytest.raises(LookupError, match="riscv64"):
        numbers("riscv64")


def test_the_configuration_survives_its_journey() -> None:
    config = ZygoteConfig(Level.FULL, True, "/s", "/r", ("/usr",), ("numpy",), 1, 2)
    assert ZygoteConfig.from_json(config.to_json()) == config


def test_a_report_survives_its_journey_and_wrong_ones_are_refused() -> None:
    report = Report((Variable("x", "int", "", 28, "1", kept=False, reason="why"),))
    assert Report.from_json(report.to_json()) == report
    assert report.lost == {"x": "why"}
    for wrong in (b"{}", b"[1]", b'[{"name": 1}]', b"x", b"[" * 10_000):
        with pytest.raises((ValueError, RecursionError)):
            Report.from_json(wrong)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_refused(text: bytes) -> None:
    try:
        report = Report.from_json(text)
    except ValueError:
        return
    assert Report.from_json(report.to_json()) == report
