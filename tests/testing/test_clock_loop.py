"""The event loop on a fake clock: when it jumps, when it never does, and its three seams."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest

from pytest_telemetry.model.errors import ClockError, ClockStalled
from pytest_telemetry.testing.clock_loop import FakeClockLoop, loop_factory
from pytest_telemetry.testing.fake_clock import ClockReads, FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

needs_subprocess = pytest.mark.skipif(
    sys.platform == "win32", reason="selector loops start no subprocess there"
)


def run(main: Coroutine[Any, Any, Any], clock: FakeClock | None = None, **options: Any) -> Any:
    """Run *main* on a loop of its own, with the short patience of a test."""
    with asyncio.Runner(loop_factory=loop_factory(clock, **{"stall_after": 10, **options})) as runner:
        return runner.run(main)


def running() -> FakeClockLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FakeClockLoop)
    return loop


def threads_run(gate: threading.Event) -> None:
    """Hold a worker thread until the test opens the gate."""
    assert gate.wait(10)


# ---- jumping


def test_a_sleep_moves_all_clocks_by_exactly_its_length() -> None:
    """The loop and the clock are one: wall, monotonic and performance time agree with it."""
    clock = FakeClock()
    before = clock.snapshot()

    async def main() -> float:
        start = running().time()
        for delay in (10, 0.1, 0.000_000_001, 86_400 * 3):
            await asyncio.sleep(delay)
        return running().time() - start

    elapsed = run(main(), clock)

    ns = 259_210_100_000_001
    assert [now - then for now, then in zip(clock.snapshot(), before, strict=True)] == [ns, ns, ns, 0]
    assert elapsed == pytest.approx(ns / 1e9)
    assert clock.reads == ClockReads()


def test_the_loop_jumps_from_timer_to_timer() -> None:
    """Each task wakes at its own moment, in order, and time stands still in between."""
    clock = FakeClock()
    seen: list[tuple[str, float]] = []

    async def work(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        seen.append((name, clock.snapshot().mono / 1e9 - 77_000))

    async def main() -> list[float]:
        await asyncio.gather(work("c", 3), work("a", 1), work("b", 2))
        return running().jumps

    jumps = run(main(), clock)

    assert seen == [("a", 1), ("b", 2), ("c", 3)]
    assert jumps == [1, 1, 1]


def test_work_that_is_ready_goes_before_any_jump() -> None:
    """A task that only gives way to others never lets time pass."""

    async def main() -> float:
        start = running().time()
        for _ in range(1000):
            await asyncio.sleep(0)
        return running().time() - start

    assert run(main()) == 0


def test_time_outs_agree_with_sleeps() -> None:
    """A minute's time-out cuts off an hour's sleep after a fake minute."""
    clock = FakeClock()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3600), 60)

    run(main(), clock)

    assert clock.snapshot().mono == 77_060 * 10**9


def test_timers_of_the_clock_are_events_of_the_loop() -> None:
    """The loop jumps to them, and what they set off happens at their moment."""
    clock = FakeClock()

    async def main() -> tuple[float, float]:
        start, done = running().time(), asyncio.Event()
        clock.call_later(5, done.set)
        async with asyncio.timeout(60):
            await done.wait()
        first = running().time() - start
        done.clear()
        clock.call_later(86_400 * 2, lambda: running_loop.call_soon(done.set))
        running_loop = running()
        await done.wait()
        return first, running().time() - start

    assert run(main(), clock) == (5, 5 + 86_400 * 2)


def test_a_step_of_the_wall_does_not_disturb_the_loop() -> None:
    """Timers are monotonic."""
    clock = FakeClock()

    async def main() -> float:
        start = running().time()
        running().call_later(1, clock.step_wall, -3600)
        await asyncio.sleep(2)
        return running().time() - start

    assert run(main(), clock) == 2
    assert clock.now().timestamp() == 1_000_000_000 + 2 - 3600


def test_each_loop_has_a_clock_of_its_own_unless_one_is_given() -> None:
    """A factory without a clock makes a fresh one each time."""
    make, shared = loop_factory(), FakeClock()
    loops = [make(), make(), loop_factory(shared)(), loop_factory(shared)()]
    clocks = [loop.clock for loop in loops]
    for loop in loops:
        loop.close()

    assert clocks[0] is not clocks[1]
    assert clocks[2] is clocks[3] is shared


def test_a_manual_clock_is_moved_by_the_test_only() -> None:
    """With autojump=False the test decides what time it is, in one thread."""
    clock = FakeClock(autojump=False)

    async def main() -> list[str]:
        seen: list[str] = []
        running().call_later(5, seen.append, "five")
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == []
        clock.advance(5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return seen

    assert run(main(), clock) == ["five"]


def test_another_thread_may_move_a_manual_clock() -> None:
    """The loop waits in real time until it is moved."""
    clock = FakeClock(autojump=False)

    async def main() -> None:
        mover = threading.Thread(target=clock.advance, args=(5,))
        asyncio.get_running_loop().call_soon(mover.start)  # when this sleeps: else it would sleep for longer
        await asyncio.sleep(5)

    run(main(), clock)

    assert clock.snapshot().mono == 77_005 * 10**9


# ---- what keeps it from jumping


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor], ids=["default", "own"])
def test_a_thread_in_flight_is_never_overtaken(executor: type[ThreadPoolExecutor] | None) -> None:
    """A time-out of a fake millisecond does not fire while a real function is running."""

    async def main() -> str:
        gate, pool = threading.Event(), executor() if executor else None
        threading.Timer(0.05, gate.set).start()
        try:
            async with asyncio.timeout(0.001):
                await running().run_in_executor(pool, threads_run, gate)
            return "done"
        finally:
            if pool:
                pool.shutdown()

    assert run(main()) == "done"


def test_to_thread_is_never_overtaken_and_its_result_arrives_at_its_time() -> None:
    """From the end of a thread to the task that awaits it no time passes, however often."""

    async def main() -> float:
        start = running().time()
        for _ in range(50):
            async with asyncio.timeout(0.001):
                assert await asyncio.to_thread(lambda: 7) == 7
        return running().time() - start

    assert run(main()) == 0


def test_a_thread_that_sleeps_in_fake_time_moves_the_loop() -> None:
    """Tasks whose time has come meanwhile go on."""
    clock = FakeClock()

    async def main() -> float:
        sleeper = asyncio.create_task(asyncio.sleep(3))
        await asyncio.sleep(0)
        await asyncio.to_thread(clock.sleep, 5)
        await sleeper
        return running().time()

    assert run(main(), clock) == 77_005


def test_a_thread_that_nobody_waits_for_any_more_still_counts() -> None:
    """After a cancellation it goes on running, so time stands still until it has ended."""
    clock = FakeClock()

    async def main() -> list[str]:
        gate = threading.Event()
        seen: list[str] = []

        def work() -> None:
            threads_run(gate)
            seen.append(f"thread {clock.snapshot().mono == 77_000 * 10**9}")

        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        task.cancel()
        threading.Timer(0.05, gate.set).start()
        await asyncio.sleep(60)
        seen.append("slept")
        return seen

    assert run(main(), clock) == ["thread True", "slept"]


def test_a_process_pool_is_never_overtaken() -> None:
    """What is handed to it must be picklable, so it is not changed on the way."""
    import multiprocessing

    async def main() -> int:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            async with asyncio.timeout(0.001):
                return await running().run_in_executor(pool, abs, -7)

    assert run(main(), stall_after=60) == 7


@needs_subprocess
@pytest.mark.parametrize("shell", [False, True], ids=["exec", "shell"])
def test_a_subprocess_in_flight_is_never_overtaken(shell: bool) -> None:
    """A real process of a twentieth of a second outlives no fake time-out, and its output is complete."""
    script = "import time; time.sleep(0.05); print('hi')"

    async def main() -> tuple[bytes, float]:
        start = running().time()
        if shell:
            process = await asyncio.create_subprocess_shell(f'"{sys.executable}" -c "{script}"', stdout=-1)
        else:
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=-1)
        async with asyncio.timeout(0.001):
            output, _ = await process.communicate()
        before = running().time() - start
        await asyncio.sleep(1)
        return output.strip(), before

    assert run(main(), stall_after=60) == (b"hi", 0)


def test_sockets_get_a_moment_before_a_jump() -> None:
    """A server and a client in one loop talk without a time-out of a fake second passing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> tuple[bytes, float]:
        start = running().time()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            reply = await reader.readline()
            writer.close()
            await writer.wait_closed()
        return reply, running().time() - start

    assert run(main(), autojump_threshold=5) == (b"HELLO\n", 0)


def test_data_from_outside_arrives_within_the_threshold() -> None:
    """What comes in real time before the threshold is over is not overtaken by a timer."""

    async def main() -> tuple[bytes, float]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            threading.Timer(0.02, theirs.send, args=(b"x",)).start()
            start = running().time()
            async with asyncio.timeout(1):
                data = await running().sock_recv(ours, 1)
            return data, running().time() - start

    assert run(main(), autojump_threshold=10) == (b"x", 0)


def test_silent_sockets_do_not_stop_the_clock() -> None:
    """After the threshold the clock jumps, so a read time-out is tested without waiting for it."""

    async def main() -> float:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            start = running().time()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(30):
                    await running().sock_recv(ours, 1)
            return running().time() - start

    assert run(main(), autojump_threshold=0.001) == 30


def test_work_that_the_loop_cannot_know_of_can_be_declared() -> None:
    """A thread of one's own is respected between begin and end."""

    async def main() -> float:
        start, done = running().time(), asyncio.Event()
        with running().outside_work("my thread"):
            threading.Timer(0.05, running().call_soon_threadsafe, args=(done.set,)).start()
            async with asyncio.timeout(0.001):
                await done.wait()
        await asyncio.sleep(1)
        return running().time() - start

    assert run(main()) == 1


def test_the_end_of_the_default_executor_is_not_jumped_over() -> None:
    """Newer Pythons set a timer of five minutes when a runner is closed; no warning, and no fake time passes."""
    clock, gate, pool = FakeClock(), threading.Event(), ThreadPoolExecutor()

    async def main() -> None:
        running().set_default_executor(pool)
        pool.submit(threads_run, gate)
        threading.Timer(0.05, gate.set).start()

    run(main(), clock)

    assert clock.snapshot().mono == 77_000 * 10**9


# ---- when it cannot go on


def test_a_thread_that_does_not_end_is_named() -> None:
    """The error lists what runs and the next fake timer, after so much real time without progress."""
    gate = threading.Event()

    def fetch_everything() -> None:
        threads_run(gate)

    with asyncio.Runner(loop_factory=loop_factory(stall_after=0.03)) as runner:
        with pytest.raises(ClockStalled) as caught:
            runner.run(asyncio.wait_for(asyncio.to_thread(fetch_everything), 30))
        gate.set()

    text = str(caught.value)
    assert text.startswith("still running after 0.03 s of real time: ")
    assert "fetch_everything() in an executor; the next fake timer is due in 30 s." in text
    assert "end it, or advance() the clock yourself" in text


@needs_subprocess
def test_a_subprocess_that_does_not_end_is_named() -> None:
    """Its process id is given, and that no timer is set where none is."""

    async def main() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
        try:
            await process.wait()
        finally:
            process.kill()
            await process.communicate()

    with (
        asyncio.Runner(loop_factory=loop_factory(stall_after=0.03)) as runner,
        pytest.raises(ClockStalled, match=r"still running .*: subprocess \d+; no fake timer is set"),
    ):
        runner.run(main())


def test_a_deadlock_is_an_error_that_says_who_waits() -> None:
    """With no timer, no socket, no thread and no process nothing will ever happen."""

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ClockError) as caught:
        run(waits_for_ever(), stall_after=0.01)

    text = str(caught.value)
    assert not isinstance(caught.value, ClockStalled)
    assert text.startswith(
        "deadlock after 0.01 s of real time: no timer, no thread, no subprocess, and no input to come; "
    )
    assert f"waits_for_ever() at {__file__}:" in text


def test_silence_on_open_sockets_without_a_timer_is_a_deadlock_too() -> None:
    """There is nothing to jump to; the error says how many are open."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            await running().sock_recv(ours, 1)

    with pytest.raises(
        ClockError, match=r"deadlock .*, and no input on 1 open sockets or pipes; waiting: Task-"
    ):
        run(main(), stall_after=0.01)


def test_a_manual_clock_that_nobody_moves_is_an_error() -> None:
    """The error names the setting and the timer."""
    with pytest.raises(
        ClockStalled, match=r"nobody has advanced the clock, which has autojump=False; .* due in 5 s"
    ):
        run(asyncio.sleep(5), FakeClock(autojump=False), stall_after=0.01)


class RealTime:
    """Stands for the real clock of the loop: three seconds from look to look, and something happens at each."""

    def __init__(self, at_each_look: Callable[[], object]) -> None:
        self.looks = 0
        self._at_each_look = at_each_look

    def mono_ns(self) -> int:
        self.looks += 1
        self._at_each_look()
        return self.looks * 3 * 10**9


@pytest.mark.parametrize("progress", ["clock", "call", "none"])
def test_patience_starts_again_with_every_progress(monkeypatch: pytest.MonkeyPatch, progress: str) -> None:
    """Moves of the clock and calls from threads are progress; without any the loop gives up in time."""
    clock = FakeClock(autojump=False)
    loops: list[FakeClockLoop] = []

    def look() -> None:
        if real.looks == 30:
            loops[0].call_soon_threadsafe(done.set)
        elif progress == "clock":
            clock.advance(1)
        elif progress == "call":
            loops[0].call_soon_threadsafe(int)

    real, done = RealTime(look), asyncio.Event()
    monkeypatch.setattr("pytest_telemetry.testing.clock_loop.SYSTEM_CLOCK", real)

    async def main() -> str:
        loops.append(running())
        try:
            await done.wait()
        except asyncio.CancelledError:
            return "given up"
        return "done"

    if progress == "none":
        with pytest.raises(ClockError, match="deadlock after 10 s of real time"):
            run(main(), clock, stall_after=10)
        assert real.looks == 5
    else:
        assert run(main(), clock, stall_after=10) == "done"
        assert real.looks == 30


def test_patience_may_be_endless() -> None:
    """With stall_after=None the loop waits in real time as every loop does."""

    async def main() -> None:
        gate = threading.Event()
        threading.Timer(0.02, gate.set).start()
        await asyncio.to_thread(threads_run, gate)

    run(main(), stall_after=None)


# ---- seams


def test_an_asyncio_runner_takes_the_factory() -> None:
    """The loop of the runner is on the clock that was given, in debug mode too."""
    clock = FakeClock()

    with asyncio.Runner(loop_factory=loop_factory(clock), debug=True) as runner:
        runner.run(asyncio.sleep(3600))
        assert isinstance(runner.get_loop(), FakeClockLoop)

    assert clock.snapshot().mono == 80_600 * 10**9


_clock = FakeClock()


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Callable[[], FakeClockLoop]]]:
    """Put the tests marked with anyio on the fake clock, as a user would."""
    return "asyncio", {"loop_factory": loop_factory(_clock)}


@pytest.mark.anyio
async def test_anyio_tests_run_on_the_clock() -> None:
    """A sleep of an hour takes none, and the time-outs of anyio agree."""
    before = _clock.snapshot().mono

    await anyio.sleep(3600)
    with anyio.move_on_after(60) as scope:
        await anyio.sleep(3600)

    assert scope.cancelled_caught
    assert _clock.snapshot().mono - before == 3660 * 10**9
    assert anyio.current_time() == running().time()


@pytest.mark.anyio
async def test_worker_threads_of_anyio_are_never_overtaken() -> None:
    """They belong to no executor, and count all the same; idle ones do not."""
    gate = threading.Event()
    threading.Timer(0.05, gate.set).start()
    before = running().time()

    with anyio.fail_after(0.001):
        await anyio.to_thread.run_sync(threads_run, gate)
    during = running().time() - before
    await anyio.sleep(60)

    assert during == 0
    assert running().time() - before == 60


def test_pytest_asyncio_takes_the_factory(pytester: pytest.Pytester) -> None:
    """Its hook offers the loop to all tests, its marker chooses it for one."""
    pytest.importorskip("pytest_asyncio", minversion="1.4", reason="the hook came with pytest-asyncio 1.4")
    pytester.makeconftest(
        """
        import asyncio
        from pytest_telemetry.testing.clock_loop import loop_factory

        def pytest_asyncio_loop_factories(config, item):
            return {"real": asyncio.SelectorEventLoop, "fake": loop_factory()}
        """
    )
    pytester.makepyfile(
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio(loop_factories=["fake"])
        async def test_an_hour():
            clock = asyncio.get_running_loop().clock
            async with asyncio.timeout(3601):
                await asyncio.sleep(3600)
            assert clock.monotonic() == 80_600
            assert await asyncio.to_thread(clock.monotonic) == 80_600

        @pytest.mark.asyncio(loop_factories=["real"])
        async def test_real():
            assert not hasattr(asyncio.get_running_loop(), "clock")
        """
    )

    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"
    )

    result.assert_outcomes(passed=2)
