"""The strongest level that a machine allows is chosen, on machines that allow less than this one."""

import sys

import pytest

from workspace.jail import probe
from workspace.jail.settings import FIRST_UID, JailSettings
from workspace.jail.wire import Level

from .lend import elsewhere

NOBODY = "65534"


async def test_root_gets_the_strongest_jail_and_another_user() -> None:
    report = await elsewhere()
    assert (report["level"], report["user_namespaces"], report["value"]) == ("full", True, "1")
    assert report["uid"] >= FIRST_UID


async def test_an_ordinary_user_gets_the_strongest_jail() -> None:
    report = await elsewhere("--user", NOBODY)
    assert (report["level"], report["uid"], report["value"]) == ("full", int(NOBODY), "1")


async def test_an_ordinary_user_without_user_namespaces_gets_landlock() -> None:
    report = await elsewhere("--user", NOBODY, "--no-user-namespaces")
    assert (report["level"], report["value"]) == ("landlock", "1")
    assert report["missing"][0].startswith("full: [Errno 28] unshare")


async def test_root_does_without_user_namespaces() -> None:
    report = await elsewhere("--no-user-namespaces")
    assert (report["level"], report["user_namespaces"], report["value"]) == ("full", False, "1")


async def test_root_of_an_ordinary_container_gets_landlock_and_another_user() -> None:
    report = await elsewhere("--no-user-namespaces", "--no-admin")
    assert (report["level"], report["value"]) == ("landlock", "1")
    assert report["uid"] >= FIRST_UID


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--user", NOBODY),
        ("--user", NOBODY, "--no-user-namespaces"),
        ("--no-user-namespaces", "--no-admin"),
        ("--sandbox", "off", "--user", NOBODY),
    ],
)
async def test_at_every_level_the_processes_of_a_cell_end_with_it(arguments: tuple[str, ...]) -> None:
    assert (await elsewhere(*arguments))["left"] == 0


async def test_strict_refuses_a_weaker_jail() -> None:
    report = await elsewhere("--sandbox", "strict", "--no-user-namespaces", "--no-admin")
    assert "SANDBOX=strict: this machine cannot sandbox Python" in report["refused"]
    assert "set SANDBOX=off" in report["refused"]


async def test_off_is_off() -> None:
    report = await elsewhere("--sandbox", "off", "--user", NOBODY)
    assert (report["level"], report["value"], report["missing"]) == ("off", "1", [])


async def test_other_systems_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(probe.SandboxUnavailable, match="the sandbox requires Linux"):
        await probe.probe(JailSettings())
    found = await probe.probe(JailSettings(sandbox="off"))
    assert (found.level, found.mechanisms) == (Level.OFF, ())
