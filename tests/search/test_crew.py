"""Pieces of work and what becomes of them when workers die, with workers that are made for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import pytest

from quantsail_framework.errors import RunError
from quantsail_framework.search.crew import Job, LostError, Results, work_off


class Crew:
    """Two workers, in this process; ``deadly`` says how often an item ends its worker."""

    def __init__(self, deadly: dict[str, int] | None = None, *, again: bool = False) -> None:
        self.deadly = deadly or {}
        self.again = again
        self.given: list[Sequence[Job]] = []
        self.most = 0

    def workers(self) -> int:
        return 2

    @property
    def pieces(self) -> list[list[int]]:
        return [[index for index, _ in piece] for piece in self.given]

    def start(self, piece: Sequence[Job]) -> int:
        self.given.append(piece)
        return len(self.given) - 1

    def finished(self, tickets: Collection[int]) -> list[int]:
        self.most = max(self.most, len(tickets))
        return [max(tickets)]  # the last one first

    def results(self, ticket: int) -> Results:
        piece = self.given[ticket]
        for _, item in piece:
            if self.deadly.get(item, 0):
                self.deadly[item] -= 1
                raise LostError(again=self.again)
        return [(index, item.upper()) for index, item in piece]


def jobs(count: int) -> list[Job]:
    return [(index, f"item{index}") for index in range(count)]


def test_every_job_comes_back_once_with_at_most_two_pieces_per_worker_under_way() -> None:
    crew = Crew()
    found = list(work_off(crew, jobs(100)))
    assert sorted(found) == [(index, f"ITEM{index}") for index in range(100)]
    assert crew.most == 4


def test_pieces_get_shorter_so_that_all_workers_end_together() -> None:
    crew = Crew()
    list(work_off(crew, jobs(100)))
    lengths = [len(piece) for piece in crew.pieces]
    assert lengths[:5] == [13, 11, 10, 9, 8]  # an eighth of what is left: of 100, 87, 76, 66 and 57, rounded up
    assert lengths[-8:] == [1] * 8


def test_a_piece_is_never_longer_than_32() -> None:
    crew = Crew()
    list(work_off(crew, jobs(2_000)))
    assert max(map(len, crew.pieces)) == 32


def test_jobs_that_were_lost_run_once_more_each_alone() -> None:
    crew = Crew({"item8": 1})
    assert len(dict(work_off(crew, jobs(100)))) == 100
    assert crew.pieces[-13:] == [[index] for index in range(13)]


def test_a_job_that_ends_its_worker_again_is_named() -> None:
    with pytest.raises(RunError, match=r"^item 'item8' ended its process twice; does it need too much memory\?"):
        list(work_off(Crew({"item8": 2}), jobs(100)))


def test_a_resumed_search_which_counts_what_was_left_names_the_same_job() -> None:
    left = list(enumerate(item for _, item in jobs(100)[5:]))
    with pytest.raises(RunError, match=r"^item 'item8' ended its process twice"):
        list(work_off(Crew({"item8": 2}), left))


def test_a_job_alone_that_was_given_to_several_workers_is_not_given_to_more() -> None:
    crew = Crew({"item1": 1}, again=True)
    with pytest.raises(RunError, match=r"^item 'item1' ended"):
        list(work_off(crew, jobs(4)))
    assert crew.pieces.count([1]) == 1


class Futures(Crew):
    """Its tickets are futures, of which none is done before it is waited for."""

    def start(self, piece: Sequence[Job]) -> Any:
        return Ticket(super().start(piece))

    def finished(self, tickets: Collection[Any]) -> list[Any]:
        return [min(tickets, key=lambda ticket: ticket.number)]

    def results(self, ticket: Any) -> Results:
        return super().results(ticket.number)


@attrs.frozen
class Ticket:
    number: int

    def done(self) -> bool:
        return False


def test_what_is_left_is_done_here_while_no_piece_is_finished() -> None:
    crew, own = Futures(), list[str]()

    def here(item: str) -> str:
        own.append(item)
        return item.upper()

    found = list(work_off(crew, jobs(100), here))
    assert sorted(found) == [(index, f"ITEM{index}") for index in range(100)]
    assert own[0] == "item99"  # from the other end
    assert len(own) == 100 - sum(map(len, crew.given))
    assert found[0] == (99, "ITEM99")


def test_what_a_worker_took_along_is_not_done_here() -> None:
    crew, own = Futures({"item0": 1}), list[str]()

    def one_only(item: str) -> str:
        own.append(item)
        return item.upper()

    assert len(dict(work_off(crew, jobs(20), one_only))) == 20
    assert [0] in crew.pieces[1:]  # once more, by a worker
    assert "item0" not in own
