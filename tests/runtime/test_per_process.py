"""What each process has of its own."""

from __future__ import annotations

import threading

from pytest_telemetry.runtime.per_process import PerProcess


def test_threads_that_ask_at_once_get_the_same_share() -> None:
    """Although each of them began one."""
    both = threading.Barrier(2)

    def begun() -> object:
        both.wait(60)
        return object()

    shares = PerProcess(begun)
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(shares[1])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 2
    assert got[0] is got[1] is shares[1]


def test_of_another_process_nothing_stays() -> None:
    """Its id may come again, and stand for one that has nothing yet."""
    numbers = iter(range(3))
    shares = PerProcess(lambda: next(numbers))

    assert [shares[7], shares[7], shares[8], shares[7]] == [0, 0, 1, 2]
