"""The session of the baseline, nested into the one of the working tree, and what its benchmarks hand over (layer 7).

Both sessions collect the same benchmarks, this one in the world of the baseline. Whenever the other session reaches
the call that is to be timed, the same test runs here, fixtures and all, up to the same call; the two calls are then
timed in pairs. So a benchmark is written once and bound twice, whatever it imports and whatever its fixtures make.

Everything here is imported before the worlds part, and belongs to the running program.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import pytest

from pytest_telemetry._pytest.marker import BASELINE_FIXTURES
from pytest_telemetry.benchmark.memory import Holding
from pytest_telemetry.benchmark.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_telemetry.benchmark.world import World

__all__ = ("BaselineSide", "is_new", "take_over")

_ABSENT: Final = "it is not there"
_UNTIMED: Final = "it was skipped, or timed nothing"
_NEW: Final = (_ABSENT, _UNTIMED, "ImportError:", "ModuleNotFoundError:", "AttributeError:")

Measure: TypeAlias = "Callable[[Any], object]"


class BaselineSide:
    """A plugin of the nested session.

    Args:
        world: Where the baseline is at home.
        order: Node ids of the benchmarks in the order in which the other session runs them.
        run: Runs the other session; called once everything is collected here.

    Attributes:
        is_ready: Whether the session came so far that benchmarks can run.
        failures: What did not work here, by node id; of a file that could not be collected, its own.
        silence: What the session said before it began.
        silenced: Takes that; to be closed should the session not begin.
    """

    def __init__(self, world: World, order: Sequence[str], run: Callable[[], object]) -> None:
        self.is_ready = False
        self.failures: dict[str, str] = {}
        self.silence = io.StringIO()
        self.silenced = contextlib.ExitStack()
        self._world = world
        self._order = order
        self._run = run
        self._items: dict[str, pytest.Item] = {}
        self._measure: Measure | None = None
        self._error: BaseException | None = None

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        for name in ("faulthandler_timeout", "faulthandler_exit_on_timeout"):  # of a plugin that is off here
            parser.addini(name, "Not used in this session.")

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        self._world.come_first()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """Keep from the terminal what this session would say: plugins take the streams that they find now."""
        self._world.come_first()
        self.be_silent()

    def be_silent(self) -> None:
        """Take what would be written to the terminal from here on, until the session has begun."""
        self.silenced.enter_context(contextlib.redirect_stdout(self.silence))
        self.silenced.enter_context(contextlib.redirect_stderr(self.silence))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.silenced.close()
        # registered last, so that these are the fixtures that tests get
        session.config.pluginmanager.register(_Fixtures(self), BASELINE_FIXTURES)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures[report.nodeid] = _reason(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        found = {item.nodeid: item for item in session.items}
        self._items = {node_id: found[node_id] for node_id in self._order if node_id in found}
        self.is_ready = True
        with self._world.outside():
            self._run()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failures.setdefault(report.nodeid, _reason(report))

    def run(self, node_id: str, measure: Measure | None) -> str:
        """Run the benchmark *node_id* here and let *measure* have what it times; return why that did not work, if so.

        Each benchmark runs once, in order; without *measure* it is run only so that those after it find fixtures of
        wider scope as they should be.
        """
        item = self._items.pop(node_id, None)
        if item is None:
            file = node_id.partition("::")[0]
            return self.failures.get(file) or self.failures.get(node_id) or _ABSENT
        self._measure, self._error = measure, None
        with self._world.inside():
            item.config.hook.pytest_runtest_protocol(
                item=item, nextitem=next(iter(self._items.values()), None)
            )
        if self._error is not None:
            raise self._error
        if measure is not None and self._measure is not None:
            return self.failures.get(node_id, _UNTIMED)
        return ""

    def pass_over(self, node_id: str) -> None:
        """Run the benchmark *node_id* without measuring it, unless it ran already."""
        if node_id in self._items:
            self.run(node_id, None)

    def capture(self, work: Operation | Holding, benchmark: Any) -> NoReturn:
        """Let the other side have *work*, and end the test here."""
        measure, self._measure = self._measure, None
        if measure is not None:
            try:
                with self._world.outside():
                    measure(replace(work, around=self._world.inside))
            except BaseException as error:  # noqa: BLE001 - it belongs to the other side, and is raised there
                self._error = error
        benchmark.skipped = True
        pytest.skip("measured")


class _Fixtures:
    """Take the place of the fixtures that time, in the session of the baseline."""

    def __init__(self, side: BaselineSide) -> None:
        self._side = side

    @pytest.fixture
    def benchmark(self, benchmark: Any, request: pytest.FixtureRequest) -> Any:
        side = self._side
        if "telemetry_benchmark" not in request.fixturenames:
            take_over(benchmark, lambda operation: side.capture(operation, benchmark))
        return benchmark

    @pytest.fixture
    def telemetry_benchmark(self, benchmark: Any, request: pytest.FixtureRequest) -> _Capture:
        return _Capture(self._side, benchmark, request.node.name)


class _Capture:
    """What ``telemetry_benchmark`` is in the session of the baseline: it times nothing itself."""

    def __init__(self, side: BaselineSide, benchmark: Any, name: str) -> None:
        self._side = side
        self._benchmark = benchmark
        self._name = name

    def __call__(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> NoReturn:
        self._side.capture(Operation.calling(self._name, function, arguments, keywords), self._benchmark)

    def statement(
        self,
        body: str,
        names: Mapping[str, object] | None = None,
        *,
        label: str = "",
        against: object = None,  # noqa: ARG002 - references are timed on the other side
        rounds: int = 0,  # noqa: ARG002 - and so are rounds
        **options: Any,
    ) -> NoReturn:
        self._side.capture(Operation(label or self._name, body, names or {}, **options), self._benchmark)

    def holding(
        self,
        enter: Callable[[], Any],
        leave: Callable[[Any], object] = lambda _: None,
        *,
        label: str = "",  # noqa: ARG002 - that of the other side counts
    ) -> NoReturn:
        self._side.capture(Holding(enter, leave), self._benchmark)

    def figures(self, *_: object, **__: object) -> NoReturn:
        self._benchmark.skipped = True
        pytest.skip("not compared with the baseline")

    overhead = figures


def take_over(benchmark: Any, time: Callable[[Operation], object]) -> None:
    """Let *time* have what is given to *benchmark*, a fixture of pytest-benchmark, in each of its forms.

    pytest-benchmark insists on an instance of its class, so the fixture gets a class below that.
    """

    class TakenOver(type(benchmark)):  # type: ignore[misc]  # known only when pytest-benchmark is
        def _raw(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
            time(Operation.calling(self.name, function, arguments, keywords))
            return function(*arguments, **keywords)

        def _raw_pedantic(
            self,
            target: Callable[..., Any],
            args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
            setup: Callable[[], Any] | None = None,
            teardown: Callable[..., Any] | None = None,
            rounds: int = 1,  # noqa: ARG002 - how many are needed is for the pairs to say
            warmup_rounds: int = 0,  # noqa: ARG002 - likewise
            iterations: int = 1,
        ) -> Any:
            round_ = _Round(args, kwargs or {}, setup, teardown)
            if setup or teardown:
                operation = Operation(
                    self.name,
                    "call(*now.arguments, **now.keywords)",
                    {"call": target, "now": round_},
                    inside=lambda: [round_],
                    number=iterations,
                )
            else:
                operation = Operation.calling(self.name, target, args, kwargs or {})
            time(operation)
            with round_:
                return target(*round_.arguments, **round_.keywords)

    benchmark.__class__ = TakenOver


class _Round:
    """What stands around a round of ``benchmark.pedantic``."""

    def __init__(
        self,
        arguments: Sequence[Any],
        keywords: Mapping[str, Any],
        setup: Callable[[], Any] | None,
        teardown: Callable[..., Any] | None,
    ) -> None:
        self.arguments, self.keywords = arguments, keywords
        self._setup, self._teardown = setup, teardown

    def __enter__(self) -> None:
        made = self._setup() if self._setup else None
        if made:
            self.arguments, self.keywords = made

    def __exit__(self, *exc_info: object) -> None:
        if self._teardown:
            self._teardown(*self.arguments, **self.keywords)


def is_new(why: str) -> bool:
    """Tell whether a benchmark could not be measured because the baseline does not have what it is about, yet."""
    return why.startswith(_NEW)


def _reason(report: pytest.CollectReport | pytest.TestReport) -> str:
    """Return the last line of what went wrong, which names it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines()
    marked = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return (marked or lines or ["it failed"])[-1 if marked else 0]
