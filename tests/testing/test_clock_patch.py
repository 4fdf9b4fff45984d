"""The scoped patch: what it reaches, what it leaves alone, and that everything is put back."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import importlib
import itertools
import pickle
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_telemetry.model.errors import ClockError
from pytest_telemetry.testing.fake_clock import ClockReads, FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    MakePackage = Callable[..., ModuleType]

_numbers = itertools.count()

STYLES = """
import time
import time as clock_module
import datetime
import datetime as dates
import functools
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime as moment
from time import monotonic, perf_counter as tick, time_ns
from types import SimpleNamespace

CLOCKS = {"wall": time.time, "nested": {"mono": time.monotonic}}
ORDER = [time.perf_counter]
PAIR = (time.time, 7, (time.monotonic,))
LATER = functools.partial(time.time)
READ_NOW = datetime.datetime.now


def by_module(): return time.monotonic()
def by_alias(): return clock_module.monotonic()
def by_from_import(): return monotonic()
def by_renamed_import(): return tick() + 22_000
def by_default(clock=time.monotonic): return clock()
def by_keyword_default(*, clock=time.monotonic): return clock()
def by_dict(): return CLOCKS["nested"]["mono"]()
def by_list(): return ORDER[0]() + 22_000
def by_tuple(): return PAIR[2][0]()
def by_lambda(a=1, b=lambda: time.monotonic()): return b()


def closed_over(clock):
    def read():
        return clock()
    return read


by_closure = closed_over(time.monotonic)


def logged(function):
    @functools.wraps(function)
    def inner():
        return function()
    return inner


@logged
@logged
def by_wrapped(clock=time.monotonic): return clock()


@functools.lru_cache
def cached(clock=time.monotonic): return clock()


class Stopwatch:
    clock = time.monotonic
    static = staticmethod(time.monotonic)
    shelf = {"clock": time.monotonic}

    class Inner:
        clock = staticmethod(time.monotonic)

    def __init__(self): self.own = time.monotonic
    def by_class(self): return self.clock()
    def by_static(self): return self.static()
    def by_method_default(self, clock=time.monotonic): return clock()
    @staticmethod
    def by_static_method(clock=time.monotonic): return clock()
    @classmethod
    def by_class_method(cls, clock=time.monotonic): return clock()
    @property
    def by_property(self): return self.hidden()
    def hidden(self, *, clock=time.monotonic): return clock()
    @functools.cached_property
    def by_cached_property(self): return closed(self)


def closed(_, clock=time.monotonic): return clock()


class Slotted:
    __slots__ = ("clock", "unset")
    def __init__(self): self.clock = time.monotonic


@dataclass(frozen=True)
class Event:
    at: float = field(default_factory=time.monotonic)


WATCH = Stopwatch()
HOLDER = SimpleNamespace()
SLOTTED = Slotted()
DEEP = {"watches": [WATCH, (Slotted(),)]}
by_method = WATCH.by_method_default

READS = {
    "module attribute": by_module,
    "module under another name": by_alias,
    "from-import": by_from_import,
    "renamed from-import": by_renamed_import,
    "default": by_default,
    "keyword default": by_keyword_default,
    "closure": by_closure,
    "wrapped function": by_wrapped,
    "cached function": lambda: cached.__wrapped__(),
    "default that is a function": by_lambda,
    "dict": by_dict,
    "list": by_list,
    "tuple": by_tuple,
    "class attribute": WATCH.by_class,
    "static class attribute": WATCH.by_static,
    "dict of a class": lambda: Stopwatch.shelf["clock"](),
    "inner class": lambda: Stopwatch.Inner.clock(),
    "default of a method": by_method,
    "default of a static method": Stopwatch.by_static_method,
    "default of a class method": Stopwatch.by_class_method,
    "property": lambda: WATCH.by_property,
    "cached property": lambda: Stopwatch().by_cached_property,
    "instance attribute": lambda: WATCH.own(),
    "slot": lambda: SLOTTED.clock(),
    "slot, far inside": lambda: DEEP["watches"][1][0].clock(),
    "default factory of a dataclass": lambda: Event().at,
}
"""


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePackage]:
    """Write modules below a package with a name of its own, import them all, and forget them afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def make(init: str = "", /, **modules: str) -> ModuleType:
        name = f"sample_{next(_numbers)}"
        (tmp_path / name).mkdir()
        for module, source in {"__init__": init, **modules}.items():
            text = textwrap.dedent(source).replace("PACKAGE", name)
            (tmp_path / name / f"{module}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        package = importlib.import_module(name)
        for module in modules:
            importlib.import_module(f"{name}.{module}")
        return package

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("sample_"):
            del sys.modules[name]


def inside(package: ModuleType, labels: list[str]) -> list[str]:
    """Return the labels without the name of the package."""
    return [label.removeprefix(f"{package.__name__}").removeprefix(":") for label in labels]


def state(value: Any, seen: dict[int, Any]) -> Any:
    """Return everything that can be reached from *value*, each object by its identity."""
    if id(value) in seen:
        return id(value)
    seen[id(value)] = value  # kept, so that no other object gets its identity
    ours = type(value).__module__.startswith("sample_") or str(getattr(value, "__module__", "")).startswith(
        "sample_"
    )
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [(key, state(part, seen)) for key, part in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [state(part, seen) for part in value]
    elif ours:
        parts = [(name, state(part, seen)) for name, part in dict(getattr(value, "__dict__", {})).items()]
        parts += [
            (name, state(getattr(value, name), seen))
            for name in ("__defaults__", "__kwdefaults__", "__func__", "fget", "func", "clock")
            if hasattr(value, name)
        ]
        parts += [state(cell.cell_contents, seen) for cell in getattr(value, "__closure__", None) or ()]
    return (id(value), parts)


def flat(package: ModuleType) -> tuple[Any, dict[int, Any]]:
    """Return what a module holds, by identity, and the objects themselves."""
    seen: dict[int, Any] = {}
    return [
        (name, state(value, seen)) for name, value in vars(package).items() if not name.startswith("__")
    ], seen


# ---- what is reached


@pytest.mark.parametrize(
    "style", [line.split('"')[1] for line in STYLES.splitlines() if line.startswith('    "')]
)
def test_every_style_of_binding_reads_the_fake_clock(make_package: MakePackage, style: str) -> None:
    """However code holds its clock, it reads the fake one during the patch and the real one after it."""
    package = make_package(STYLES)
    clock = FakeClock()
    read = package.READS[style]

    with clock.patch(package.__name__):
        clock.advance(5)
        during = read()
    after = read()

    assert during == 77_005
    assert after != 77_005
    assert abs(after - time.monotonic()) < 22_000 + 600


def test_the_report_names_every_place_that_was_changed(make_package: MakePackage) -> None:
    """Each style appears once, as module and name."""
    package = make_package(STYLES)

    with FakeClock().patch(package.__name__) as patch:
        places = inside(package, patch.patched)

    assert len(places) == len(set(places))
    assert set(places) >= {
        "time",
        "clock_module",
        "datetime",
        "dates",
        "date",
        "moment",
        "monotonic",
        "tick",
        "time_ns",
        "CLOCKS['wall']",
        "CLOCKS['nested']['mono']",
        "ORDER[0]",
        "PAIR",
        "LATER",
        "READ_NOW",
        "by_default(clock=)",
        "by_keyword_default(clock=)",
        "by_closure.<clock>",
        "cached.__wrapped__(clock=)",
        "Stopwatch.clock",
        "Stopwatch.static",
        "Stopwatch.shelf['clock']",
        "Stopwatch.Inner.clock",
        "WATCH.own",
        "SLOTTED.clock",
    }
    assert all(label.startswith(package.__name__) for label in patch.patched)
    assert repr(patch) == f"<ClockPatch of {package.__name__}: {len(places)} places>"


def test_everything_is_put_back_by_identity(make_package: MakePackage) -> None:
    """After the patch every place holds the very object that it held before."""
    package = make_package(STYLES)
    before, kept = flat(package)

    with FakeClock().patch(package.__name__):
        during, _ = flat(package)
    after, _ = flat(package)

    assert during != before
    assert after == before
    assert kept


def test_everything_is_put_back_after_an_exception(make_package: MakePackage) -> None:
    """The exception passes, and the patch is gone."""
    package = make_package(STYLES)
    before, kept = flat(package)

    with pytest.raises(ZeroDivisionError), FakeClock().patch(package.__name__):
        1 // 0  # noqa: B018 - the exception is the test

    assert flat(package)[0] == before
    assert kept


def test_a_patch_that_fails_half_way_puts_back_what_it_did(
    make_package: MakePackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error while entering leaves nothing behind."""
    package = make_package(STYLES)
    before, kept = flat(package)
    monkeypatch.setattr("pytest_telemetry.testing.clock_walk.Walk._container", lambda *_: 1 // 0)

    with pytest.raises(ZeroDivisionError), FakeClock().patch(package.__name__):
        pytest.fail("not reached")

    assert flat(package)[0] == before
    assert kept


def test_only_the_named_packages_are_touched(make_package: MakePackage) -> None:
    """Their submodules are; a package whose name only begins alike is not, nor is time itself."""
    package = make_package(inner="from time import monotonic", other="from time import monotonic")
    name = package.__name__
    twin = sys.modules[f"{name}extra"] = type(sys)(f"{name}extra")
    vars(twin)["monotonic"] = time.monotonic

    with FakeClock().patch(f"{name}.inner") as patch:
        assert package.other.monotonic is time.monotonic
    with FakeClock().patch(name) as patch:
        places = patch.patched
        assert vars(twin)["monotonic"] is time.monotonic
        assert (time.monotonic.__module__, asyncio.sleep.__module__) == ("time", "asyncio.tasks")
        assert threading._time is time.monotonic  # type: ignore[attr-defined]  # what its waits are timed with

    assert sorted(places) == [f"{name}.inner:monotonic", f"{name}.other:monotonic"]


def test_real_waiting_goes_on_during_a_patch(make_package: MakePackage) -> None:
    """Locks, queues and event loops of the process keep real time."""
    package = make_package("import time")

    with FakeClock().patch(package.__name__):
        done = threading.Event()
        threading.Timer(0.001, done.set).start()
        assert done.wait(10)
        asyncio.run(asyncio.wait_for(asyncio.sleep(0.001), 10))

    assert package.time is time


def test_nested_patches_give_the_inner_clock_and_then_the_outer_one(make_package: MakePackage) -> None:
    """Functions, modules, datetimes and bound methods all follow, and all come back."""
    package = make_package(STYLES)
    before, kept = flat(package)
    outer, inner = FakeClock(mono=100), FakeClock(mono=200, wall=0)

    with outer.patch(package.__name__):
        first = package.READ_NOW(dt.UTC).year, package.by_module(), package.by_default(), package.PAIR[2][0]()
        with inner.patch(package.__name__):
            second = (
                package.READ_NOW(dt.UTC).year,
                package.by_module(),
                package.by_default(),
                package.PAIR[2][0](),
            )
            assert package.moment.now(dt.UTC).year == package.datetime.datetime.now(dt.UTC).year == 1970
        third = package.READ_NOW(dt.UTC).year, package.by_module(), package.by_default(), package.PAIR[2][0]()

    assert (first, second, third) == ((2001, 100, 100, 100), (1970, 200, 200, 200), (2001, 100, 100, 100))
    assert flat(package)[0] == before
    assert kept


def test_what_code_kept_of_a_patch_tells_real_time_afterwards(make_package: MakePackage) -> None:
    """An object that outlives the test does not carry fake time on."""
    package = make_package(
        """
        import time, datetime
        def keep(): return time.time, time.localtime, datetime.datetime, time.sleep
        """
    )

    with FakeClock(zone="Asia/Tokyo").patch(package.__name__):
        read, local, moment, sleep = package.keep()
        assert (read(), moment.now().hour, local().tm_hour) == (1_000_000_000, 10, 10)

    assert abs(read() - time.time()) < 600
    assert abs(moment.now(dt.UTC) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=10)
    assert local()[:4] in (time.localtime()[:4], time.localtime(time.time() - 600)[:4])
    sleep(0)


# ---- the functions of time


def test_each_function_of_time_reads_its_own_clock(make_package: MakePackage) -> None:
    """Wall, monotonic, performance and processor time stay apart."""
    package = make_package("import time")
    clock = FakeClock()
    clock.advance(2, cpu=0.5)
    clock.step_wall(100)

    with clock.patch(package.__name__):
        fake = package.time
        assert (fake.time(), fake.time_ns()) == (1_000_000_102, 1_000_000_102_000_000_000)
        assert (fake.monotonic(), fake.monotonic_ns()) == (77_002, 77_002_000_000_000)
        assert (fake.perf_counter(), fake.perf_counter_ns()) == (55_002, 55_002_000_000_000)
        assert (fake.process_time(), fake.process_time_ns()) == (0.5, 500_000_000)
        assert (fake.thread_time(), fake.thread_time_ns()) == (0.5, 500_000_000)

    assert clock.reads == ClockReads(wall=2, mono=2, perf=2, cpu=4)


def test_functions_that_take_now_when_given_nothing_are_faked_too(make_package: MakePackage) -> None:
    """Without an argument they tell the fake time, with one what they always tell."""
    package = make_package("import time")
    clock = FakeClock()
    expected = time.localtime(1_000_000_000)

    with clock.patch(package.__name__):
        fake = package.time
        assert fake.gmtime()[:6] == (2001, 9, 9, 1, 46, 40)
        assert fake.localtime() == expected
        assert fake.strftime("%Y-%m-%d %H:%M:%S") == time.strftime("%Y-%m-%d %H:%M:%S", expected)
        assert fake.ctime() == time.ctime(1_000_000_000)
        assert fake.asctime() == time.asctime(expected)
        assert (fake.gmtime(0).tm_year, fake.localtime(86_400 * 30).tm_year) == (1970, 1970)
        assert fake.strftime("%Y", time.gmtime(0)) == "1970"
        assert (fake.ctime(86_400), fake.asctime(time.gmtime(0))) == (
            time.ctime(86_400),
            time.asctime(time.gmtime(0)),
        )
        assert fake.struct_time is time.struct_time
        assert fake.mktime(expected) == 1_000_000_000


def test_local_time_is_that_of_the_zone_of_the_clock(make_package: MakePackage) -> None:
    """A clock with a zone makes naive local time the same on every machine."""
    package = make_package("import time, datetime")
    clock = FakeClock(zone="Asia/Tokyo")

    with clock.patch(package.__name__):
        local, dates = package.time.localtime(), package.datetime
        assert (local[:6], local.tm_zone, local.tm_gmtoff) == ((2001, 9, 9, 10, 46, 40), "JST", 9 * 3600)
        assert package.time.ctime() == "Sun Sep  9 10:46:40 2001"
        assert package.time.localtime(0).tm_hour == 9
        assert dates.datetime.now() == dates.datetime.today() == dt.datetime(2001, 9, 9, 10, 46, 40)
        assert dates.datetime.fromtimestamp(0) == dt.datetime(1970, 1, 1, 9)
        assert dates.datetime.fromtimestamp(0, dt.UTC) == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        clock.advance(14 * 3600)
        assert (dates.date.today(), clock.now().day) == (dt.date(2001, 9, 10), 9)
        assert dates.date.fromtimestamp(15 * 3600) == dt.date(1970, 1, 2)


def test_sleep_sleeps_in_fake_time_unless_told_otherwise(make_package: MakePackage) -> None:
    """Retries with a long back-off take no real time; with sleep=False the real function stays."""
    package = make_package(
        """
        from time import monotonic, sleep
        def retry():
            for delay in (1, 60, 3600): sleep(delay)
            return monotonic()
        """
    )
    clock = FakeClock()

    with clock.patch(package.__name__):
        end = package.retry()
    with clock.patch(package.__name__, sleep=False) as patch:
        assert package.sleep is time.sleep

    assert (end, clock.sleeps) == (77_000 + 3661, [1, 60, 3600])
    assert inside(package, patch.patched) == ["monotonic"]


def test_a_sleeper_in_patched_code_is_named_by_its_own_line(make_package: MakePackage) -> None:
    """The stand-in does not hide who sleeps."""
    package = make_package("import time\ndef work(): time.sleep(5)\n")

    with (
        pytest.raises(
            ClockError, match=rf"sleep\(5\) in thread 'MainThread' at .*{package.__name__}.__init__\.py:2"
        ),
        FakeClock(autojump=False, real_timeout=0).patch(package.__name__),
    ):
        package.work()


# ---- datetime


def test_datetimes_are_read_from_the_wall_clock(make_package: MakePackage) -> None:
    """Now, utcnow and today, aware and naive, to the microsecond."""
    package = make_package("from datetime import date, datetime")
    clock = FakeClock()
    clock.advance(0.123456789)
    utc = dt.datetime(2001, 9, 9, 1, 46, 40, 123456, tzinfo=dt.UTC)

    with clock.patch(package.__name__):
        moment = package.datetime
        assert moment.now(dt.UTC) == moment.now(tz=dt.UTC) == utc
        assert moment.now(dt.timezone(dt.timedelta(hours=3))).hour == 4
        assert moment.utcnow() == utc.replace(tzinfo=None)
        assert moment.now() == moment.today() == utc.astimezone().replace(tzinfo=None)
        assert package.date.today() == utc.astimezone().date()
    with clock.patch(package.__name__, datetime=False) as patch:
        assert package.datetime is dt.datetime

    assert patch.patched == []


def test_values_and_types_keep_their_meaning(make_package: MakePackage) -> None:
    """Values are real ones, isinstance and issubclass answer as ever, tables by type still find."""
    package = make_package(
        """
        from datetime import date, datetime
        ENCODERS = {datetime: "moment", date: "day"}
        def kind(value):
            match value:
                case datetime(): return "moment"
                case date(): return "day"
            return "other"
        """
    )
    real = dt.datetime(2020, 1, 2, 3)

    with FakeClock().patch(package.__name__):
        moment, day = package.datetime, package.date
        made = [
            moment.now(),
            moment(2020, 1, 2),
            moment.fromisoformat("2020-01-02"),
            moment.combine(real, real.time()),
        ]
        assert [type(value) for value in made] == [dt.datetime] * 4
        assert (type(day.today()), type(day(2020, 1, 2)), type(day.fromisoformat("2020-01-02"))) == (
            dt.date,
        ) * 3
        assert [package.kind(value) for value in (real, moment.now(), day.today(), real.date(), 1)] == [
            *("moment", "moment", "day", "day", "other"),
        ]
        assert isinstance(real, day)
        assert issubclass(dt.datetime, moment)
        assert issubclass(moment, day)
        assert not issubclass(int, moment)
        assert {moment: 1}[dt.datetime] == 1
        assert package.ENCODERS[type(moment.now())] == "moment"
        assert moment != day
        assert (moment.__name__, moment.__module__, moment.min) == ("datetime", "datetime", dt.datetime.min)
        assert pickle.loads(pickle.dumps(moment.now(dt.UTC))) == dt.datetime(
            2001, 9, 9, 1, 46, 40, tzinfo=dt.UTC
        )


def test_a_class_derived_during_a_patch_is_an_ordinary_class(make_package: MakePackage) -> None:
    """Its values are its own, and it reads the fake clock too."""
    package = make_package(
        """
        from datetime import date, datetime
        def derive():
            class Moment(datetime):
                pass
            class Day(date):
                pass
            return Moment, Day
        """
    )

    with FakeClock(zone="UTC").patch(package.__name__):
        moment, day = package.derive()
        now, today = moment.now(), day.today()
        assert (type(now), type(today)) == (moment, day)
        assert (now, today) == (dt.datetime(2001, 9, 9, 1, 46, 40), dt.date(2001, 9, 9))
        assert isinstance(now, moment)
        assert not isinstance(dt.datetime(2020, 1, 1), moment)
        assert issubclass(moment, package.datetime)
        assert not issubclass(dt.datetime, moment)
        assert moment != package.datetime
        assert len({moment, day, package.datetime, package.date}) == 4


# ---- what is not reached


def unreached(make_package: MakePackage, init: str, /, **modules: str) -> list[str]:
    package = make_package(init, **modules)
    with FakeClock().patch(package.__name__) as patch:
        return inside(package, patch.unreached)


def test_nothing_is_unreached_in_plain_code(make_package: MakePackage) -> None:
    """The report is empty where the patch is complete; types that typing objects keep are no clocks."""
    assert unreached(make_package, STYLES) == []
    assert (
        unreached(make_package, "import datetime, typing\nMoments = typing.List[datetime.datetime]\n") == []
    )


def test_kernel_clocks_are_reported(make_package: MakePackage) -> None:
    """Both where the function is bound and where it is called by its module, also in inner functions."""
    source = """
        import time
        from time import clock_gettime
        def outer():
            def inner(): return time.clock_gettime_ns(1)
            return inner
    """

    assert unreached(make_package, source) == [
        "clock_gettime (reads the clock of the kernel by its number)",
        "outer (calls clock_gettime_ns, which reads the clock of the kernel)",
    ]


def test_imports_at_call_time_are_reported(make_package: MakePackage) -> None:
    """A function that imports time each time gets the real module."""
    source = """
        def late():
            from time import time
            return time()
        def other():
            import datetime
            return datetime.datetime.now()
        def unrelated(time):
            import json
            return time.datetime, json
    """

    assert unreached(make_package, source) == [
        "late (imports time each time it is called)",
        "other (imports datetime each time it is called)",
    ]


def test_functions_and_classes_of_other_packages_are_reported(make_package: MakePackage) -> None:
    """What was imported from elsewhere and reads a clock there keeps real time; the rest is not mentioned."""
    foreign = make_package(
        """
        import time, datetime
        from time import monotonic
        def stamp(): return time.time()
        def tick(): return monotonic()
        def today(): return datetime.datetime.now()
        def harmless(text): return time.strftime("%Y", text)
        class Watch:
            def read(self): return time.perf_counter()
        class Plain:
            def read(self): return 1
        """
    ).__name__
    source = f"from {foreign} import stamp, tick, today, harmless, Watch, Plain\ndef own(): return stamp()\n"

    assert unreached(make_package, source) == [
        f"stamp ({foreign}.stamp reads time.time, outside the patched packages)",
        f"tick ({foreign}.tick reads monotonic, outside the patched packages)",
        f"today ({foreign}.today reads datetime.now, outside the patched packages)",
        f"Watch ({foreign}.Watch reads time.perf_counter, outside the patched packages)",
    ]


def test_clocks_kept_by_objects_of_other_packages_are_reported(make_package: MakePackage) -> None:
    """Such an object may be shared, so it is left alone."""
    foreign = make_package("class Cache:\n    def __init__(self, timer): self.timer = timer\n").__name__
    source = f"import time\nfrom {foreign} import Cache\ncache = Cache(time.monotonic)\nmore = Cache(len)\n"

    assert unreached(make_package, source) == [f"cache.timer (kept by a {foreign}.Cache)"]


def test_dicts_and_lists_of_other_modules_are_left_alone_and_reported(make_package: MakePackage) -> None:
    """Also the table of all modules, which holds the real time."""
    foreign = make_package("import time\nCLOCKS = {'mono': time.monotonic}\nORDER = [time.time]\n")
    name = foreign.__name__
    source = f"import sys\nfrom {name} import CLOCKS, ORDER\nloaded = sys.modules\n"

    report = unreached(make_package, source)

    assert report[:2] == [
        f"CLOCKS['mono'] (shared with {name}.CLOCKS, which is outside the patched packages)",
        f"ORDER[0] (shared with {name}.ORDER, which is outside the patched packages)",
    ]
    assert "loaded['time'] (shared with sys.modules, which is outside the patched packages)" in report
    assert {"mono": time.monotonic} == foreign.CLOCKS
    assert sys.modules["time"] is time


def test_containers_that_cannot_change_are_reported(make_package: MakePackage) -> None:
    """Sets and named tuples, and attributes that C made read-only."""
    source = """
        import time
        from collections import namedtuple
        from functools import partial
        Pair = namedtuple("Pair", "wall mono")
        class Late(partial):
            pass
        CLOCKS = frozenset({time.time})
        PAIR = Pair(time.time, 1)
        LATE = Late(time.time)
    """

    report = unreached(make_package, source)

    assert "CLOCKS (inside a frozenset, which cannot be changed)" in report
    assert "PAIR (inside a Pair, which cannot be changed)" in report
    assert any(label.startswith("LATE.func (") for label in report)


def test_classes_that_inherit_now_are_reported(make_package: MakePackage) -> None:
    """A class that derived from datetime before the patch reads the real one."""
    source = "from datetime import datetime\nclass Moment(datetime):\n    pass\n"

    assert unreached(make_package, source) == ["Moment (inherits now() and today() from datetime)"]


def test_modules_made_in_c_are_reported(make_package: MakePackage) -> None:
    """Nobody can see what they read."""
    from importlib.machinery import ExtensionFileLoader, ModuleSpec

    package = make_package("import time")
    fast = type(sys)(f"{package.__name__}.fast")
    fast.__spec__ = ModuleSpec(fast.__name__, ExtensionFileLoader(fast.__name__, "fast.so"))
    sys.modules[fast.__name__] = fast

    with FakeClock().patch(package.__name__) as patch:
        report = inside(package, patch.unreached)

    assert report == [".fast (made in C: its clock reads cannot be seen)"]


def test_modules_imported_during_the_patch_are_reported(make_package: MakePackage, tmp_path: Path) -> None:
    """They were not there to be changed; the report may be read after the patch as well."""
    package = make_package("import time")
    (tmp_path / package.__name__ / "late.py").write_text("from time import time\n", encoding="utf-8")
    importlib.invalidate_caches()

    with FakeClock().patch(package.__name__) as patch:
        importlib.import_module(f"{package.__name__}.late")

    assert inside(package, patch.unreached) == [".late (imported after the patch began)"]


def test_a_patch_that_was_never_entered_has_nothing_to_report() -> None:
    """There is nothing to say before it begins."""
    patch = FakeClock().patch("json")

    assert (patch.patched, patch.unreached) == ([], [])


# ---- care


def test_annotations_and_lazy_objects_are_left_alone(make_package: MakePackage) -> None:
    """Types in annotations are for other libraries to read, and what loads on access is not woken up."""
    package = make_package(
        """
        from datetime import datetime
        class Model:
            created: datetime
        def read(at: datetime) -> datetime: return at
        class Lazy:
            def __getattribute__(self, name): raise RuntimeError(name)
        class Dynamic:
            @property
            def value(self): raise RuntimeError("woken")
        def __getattr__(name): raise RuntimeError(name)
        LAZY, DYNAMIC = Lazy(), Dynamic()
        """
    )

    with FakeClock().patch(package.__name__) as patch:
        assert package.Model.__annotations__ == {"created": dt.datetime}
        assert package.read.__annotations__["at"] is dt.datetime

    assert inside(package, patch.patched) == ["datetime"]


def test_clocks_that_a_test_handed_over_itself_are_left_alone(make_package: MakePackage) -> None:
    """A bound method of another fake clock was put there on purpose."""
    package = make_package(
        "import time\nclass Service:\n    def __init__(self): self.clock = time.monotonic\n"
    )
    mine = FakeClock(mono=5)
    package.service = package.Service()  # type: ignore[attr-defined]  # the test adds it
    package.service.clock = mine.monotonic

    with FakeClock().patch(package.__name__):
        assert package.service.clock() == 5


def test_objects_that_point_at_each_other_are_walked_once(make_package: MakePackage) -> None:
    """Rings and long chains of objects end, and every object in them is reached."""
    package = make_package(
        """
        import time
        class Node:
            def __init__(self, after): self.after, self.clock = after, time.monotonic
        LAST = node = Node(None)
        for _ in range(3000): node = Node(node)
        LAST.after = node
        del node
        def empty():
            if False: later = 1
            return lambda: later
        EMPTY = empty()
        """
    )

    with FakeClock().patch(package.__name__) as patch:
        assert package.LAST.after.after.clock() == 77_000

    assert len(patch.patched) == 3002


def test_generated_functions_with_names_of_their_own_are_reached(make_package: MakePackage) -> None:
    """Libraries that write methods give them globals that belong to no module."""
    package = make_package(
        """
        import time
        names = {"factory": time.monotonic, "__name__": __name__ + ".generated"}
        exec("def make(): return factory()", names)
        make = names.pop("make")
        make.__module__ = __name__
        del names
        """
    )

    with FakeClock().patch(package.__name__):
        during = package.make()

    assert during == 77_000
    assert package.make() != 77_000


# ---- misuse


def test_a_package_that_is_not_imported_is_an_error() -> None:
    """There is nothing to patch yet, and a misspelt name must not pass in silence."""
    with (
        pytest.raises(
            ClockError, match=r"patch\('no_such_package'\): no module of that name is imported; import it"
        ),
        FakeClock().patch("json", "no_such_package"),
    ):
        pytest.fail("not reached")


@pytest.mark.parametrize("names", [(), ("",), (functools,), (b"json",)])
def test_packages_are_given_by_name(names: tuple[Any, ...]) -> None:
    """A module object, or nothing, is refused with an example."""
    with pytest.raises(
        TypeError, match=r"patch\(\) takes the names of packages, for example patch\('myapp'\), got"
    ):
        FakeClock().patch(*names)


@pytest.mark.parametrize(
    "name", ["asyncio", "threading", "_pytest.timing", "concurrent.futures", "pytest_telemetry"]
)
def test_packages_that_the_run_depends_on_are_refused(name: str) -> None:
    """Fake time under an event loop, a lock or the test runner ends in a hang."""
    with pytest.raises(ValueError, match=f"{name} must keep real time, or the tests would hang"):
        FakeClock().patch("json", name)


def test_a_patch_is_entered_once_at_a_time_and_may_be_used_again(make_package: MakePackage) -> None:
    """Entering it twice is an error that changes nothing; after leaving it starts afresh."""
    package = make_package("import time")
    patch = FakeClock().patch(package.__name__)

    with patch, pytest.raises(ClockError, match="is active already"):
        patch.__enter__()
    assert package.time is time
    with patch:
        assert package.time.monotonic() == 77_000

    assert package.time is time
    assert len(patch.patched) == 1


@pytest.mark.parametrize(
    ("module", "attribute", "name"),
    [
        ("freezegun.api", "freeze_factories", "freezegun"),
        ("time_machine", "traveller_stack", "time-machine"),
        ("time_machine", "coordinates_stack", "time-machine"),
    ],
)
def test_other_libraries_that_fake_time_must_not_be_active(
    make_package: MakePackage, monkeypatch: pytest.MonkeyPatch, module: str, attribute: str, name: str
) -> None:
    """Two fakes would take each other for the real thing; installed but idle they do not matter."""
    package = make_package("import time")
    other = type(sys)(module)
    monkeypatch.setitem(sys.modules, module, other)
    setattr(other, attribute, [])
    with FakeClock().patch(package.__name__):
        pass

    setattr(other, attribute, ["frozen"])

    with (
        pytest.raises(ClockError, match=f"{name} is active; use one of the two"),
        FakeClock().patch(package.__name__),
    ):
        pytest.fail("not reached")


def test_a_replaced_function_of_time_is_an_error(
    make_package: MakePackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody patched time itself, so the real function is out of reach."""
    package = make_package("import time")
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: 0)

        with (
            pytest.raises(ClockError, match=r"time\.time was replaced by <function"),
            FakeClock().patch(package.__name__),
        ):
            pytest.fail("not reached")

    assert package.time is time
