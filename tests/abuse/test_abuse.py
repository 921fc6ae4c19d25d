"""One user attacks while another one works: the other one's answers, `/health`, memory and disk."""

from collections.abc import AsyncIterator

import pytest

from tests.abuse.arena import Arena, arena
from tests.abuse.attacks import ATTACKS, QUICK, Attack


def _once(attacks: tuple[Attack, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attack", attacks, ids=[attack.name for attack in attacks])


pytestmark = [pytest.mark.abuse, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
async def ring(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    async with arena(tmp_path_factory.mktemp("abuse") / "service") as opened:
        yield opened


@_once(QUICK)
async def test_an_attack_hurts_nobody_else(ring: Arena, attack: Attack) -> None:
    figures = await ring.attempt(attack)
    assert figures.faults(ring.quiet) == []


@pytest.mark.nightly
@_once(tuple(attack for attack in ATTACKS if attack not in QUICK))
async def test_no_attack_hurts_anybody_else(ring: Arena, attack: Attack) -> None:
    figures = await ring.attempt(attack)
    assert figures.faults(ring.quiet) == []
