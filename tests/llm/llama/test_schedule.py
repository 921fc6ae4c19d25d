"""Who gets the engine's slots, and whose prompt is read next."""

from typing import Any, cast

from llm.llama.schedule import Schedule
from llm.llama.slots import Request, Run, Slot


class Model:
    """The slots under a schedule's control, without a model."""

    def __init__(self, slots: int) -> None:
        self.slots = [Slot(number) for number in range(slots)]
        self.schedule = Schedule(self.slots)
        self._clock = 0

    def ask(self, tenant: str) -> Request:
        request = Request([], deliver=lambda _: None, tenant=tenant)
        self.schedule.add(request)
        self.admit()
        return request

    def admit(self) -> None:
        while True:
            if (victim := self.schedule.victim()) is not None:
                run, victim.run = victim.run, None
                assert run is not None
                self.schedule.put_back(run.request)
            if (request := self.schedule.take()) is None:
                return
            free = next(slot for slot in self.slots if slot.run is None)
            free.run = cast("Run", _Running(request))
            self._clock += 1
            free.used_at = self._clock

    def end(self, request: Request) -> None:
        slot = next(slot for slot in self.slots if slot.run and slot.run.request is request)
        slot.run = None
        self.schedule.give_back(request)
        self.admit()

    @property
    def users(self) -> str:
        return "".join(sorted(slot.run.request.tenant for slot in self.slots if slot.run))


class _Running:
    def __init__(self, request: Request) -> None:
        self.request: Any = request


def test_a_user_alone_has_all_slots() -> None:
    model = Model(4)
    for _ in range(6):
        model.ask("a")
    assert model.users == "aaaa"


def test_users_share_the_slots_equally() -> None:
    model = Model(4)
    for _ in range(8):
        model.ask("a")
    for _ in range(3):
        model.ask("b")
    assert model.users == "aabb"
    model.ask("c")
    assert model.users in {"aabc", "abbc"}
    model.ask("d")
    assert model.users == "abcd"
    model.ask("e")
    assert model.users == "abcd", "a fifth user waits"


def test_the_request_that_began_last_gives_way_and_goes_on_first() -> None:
    model = Model(2)
    first, second = model.ask("a"), model.ask("a")
    model.ask("a")
    other = model.ask("b")
    assert [slot.run.request for slot in model.slots if slot.run] == [first, other]
    model.end(other)
    assert [slot.run.request for slot in model.slots if slot.run] == [first, second]


def test_prompts_are_read_in_turns() -> None:
    model = Model(4)
    for _ in range(4):
        model.ask("a")
    read = []
    for step in range(6):
        if step == 2:
            model.ask("b")
        slot = model.schedule.in_turn()[0]
        assert slot.run is not None
        read.append(slot.run.request.tenant)
        model.schedule.has_read(slot.run.request)
    assert read == ["a", "a", "a", "b", "a", "b"]


def test_one_user_reads_prompts_in_order_of_arrival() -> None:
    model = Model(3)
    requests = [model.ask("a") for _ in range(3)]
    for _ in range(3):
        model.schedule.has_read(requests[0])
        assert [slot.run.request for slot in model.schedule.in_turn() if slot.run] == requests


def test_a_user_who_returns_does_not_make_up_for_the_time_away() -> None:
    model = Model(4)
    mine, other = model.ask("a"), model.ask("b")
    for _ in range(50):
        model.schedule.has_read(mine)
        model.schedule.has_read(other)
    short = model.ask("c")
    model.schedule.has_read(short)
    model.end(short)
    model.ask("c")
    turns = []
    for _ in range(3):
        run = model.schedule.in_turn()[0].run
        assert run is not None
        turns.append(run.request.tenant)
        model.schedule.has_read(run.request)
    assert sorted(turns) == ["a", "b", "c"]
