"""What a patch puts in the place of ``time`` and ``datetime`` (layer 5).

Once a patch is left, stand-ins that code has kept tell real time again.
"""

from __future__ import annotations

import datetime as dt
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.testing.fake_clock import FakeClock

__all__ = (
    "DATETIME_READS",
    "TIME_FUNCTIONS",
    "ModuleStandIn",
    "TimeStandIns",
    "original_of",
    "value_stand_ins",
)

TIME_FUNCTIONS: Final = (
    *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
    *("process_time", "process_time_ns", "thread_time", "thread_time_ns", "sleep"),
    *("localtime", "gmtime", "strftime", "ctime", "asctime"),
)
DATETIME_READS: Final = ("now", "utcnow", "today")


class TimeStandIns:
    """The functions of ``time`` over a fake clock, under their own names.

    Bound methods of this class stand where functions stood: like builtins, and unlike functions, they do not
    bind to an instance when they are an attribute of a class.

    Args:
        clock: The clock to read until `release` is called.
        real: The module ``time``.
    """

    __slots__ = ("_real", "_source", "zone")

    def __init__(self, clock: FakeClock, real: ModuleType) -> None:
        self._source: Any = clock
        self._real: Any = real
        self.zone: Callable[[], dt.tzinfo | None] = lambda: clock.zone

    def release(self) -> None:
        """Tell real time from now on."""
        self._source = self._real
        self.zone = lambda: None

    def original(self, name: str) -> object:
        """Return the function of ``time`` that the method *name* stands for."""
        return getattr(self._real, name)

    def time(self) -> float:
        """Do what ``time.time`` does."""
        return float(self._source.time())

    def time_ns(self) -> int:
        """Do what ``time.time_ns`` does."""
        return int(self._source.time_ns())

    def monotonic(self) -> float:
        """Do what ``time.monotonic`` does."""
        return float(self._source.monotonic())

    def monotonic_ns(self) -> int:
        """Do what ``time.monotonic_ns`` does."""
        return int(self._source.monotonic_ns())

    def perf_counter(self) -> float:
        """Do what ``time.perf_counter`` does."""
        return float(self._source.perf_counter())

    def perf_counter_ns(self) -> int:
        """Do what ``time.perf_counter_ns`` does."""
        return int(self._source.perf_counter_ns())

    def process_time(self) -> float:
        """Do what ``time.process_time`` does."""
        return float(self._source.process_time())

    def process_time_ns(self) -> int:
        """Do what ``time.process_time_ns`` does."""
        return int(self._source.process_time_ns())

    def thread_time(self) -> float:
        """Do what ``time.thread_time`` does."""
        return float(self._source.thread_time())

    def thread_time_ns(self) -> int:
        """Do what ``time.thread_time_ns`` does."""
        return int(self._source.thread_time_ns())

    def sleep(self, seconds: float, /) -> None:
        """Do what ``time.sleep`` does."""
        self._source.sleep(seconds)

    def localtime(self, seconds: float | None = None, /) -> Any:
        """Do what ``time.localtime`` does."""
        at = self._source.time() if seconds is None else seconds
        zone = self.zone()
        if zone is None:
            return self._real.localtime(at)
        moment = dt.datetime.fromtimestamp(at // 1, zone)
        offset = moment.utcoffset() or dt.timedelta(0)
        extra = (moment.tzname(), offset.days * 86_400 + offset.seconds)
        return self._real.struct_time((*moment.timetuple(), *extra))

    def gmtime(self, seconds: float | None = None, /) -> Any:
        """Do what ``time.gmtime`` does."""
        return self._real.gmtime(self._source.time() if seconds is None else seconds)

    def strftime(self, layout: str, moment: Any = None, /) -> str:
        """Do what ``time.strftime`` does."""
        return str(self._real.strftime(layout, self.localtime() if moment is None else moment))

    def ctime(self, seconds: float | None = None, /) -> str:
        """Do what ``time.ctime`` does."""
        return str(self._real.asctime(self.localtime(seconds)))

    def asctime(self, moment: Any = None, /) -> str:
        """Do what ``time.asctime`` does."""
        return str(self._real.asctime(self.localtime() if moment is None else moment))


class ModuleStandIn(ModuleType):
    """A copy of a module with some names replaced, for code that wrote ``import time``."""

    def __init__(self, original: ModuleType, replaced: Mapping[str, object]) -> None:
        super().__init__(original.__name__)
        vars(self).update(vars(original))
        vars(self).update(replaced)
        self.__original__ = original


class _ValueStandIn(type):
    """Metaclass of the classes that stand for ``datetime`` and ``date``.

    They make and accept real values, and are equal to the real class, so that neither isinstance nor a table
    from types to functions sees a difference. Subclasses that code derives from them are ordinary classes.
    """

    __original__: type

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__original__) if _stands_in(cls) else super().__instancecheck__(value)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__original__) if _stands_in(cls) else super().__subclasscheck__(other)

    def __eq__(cls, other: object) -> bool:
        return cls is other or (_stands_in(cls) and other == cls.__original__)

    def __hash__(cls) -> int:
        return hash(cls.__original__) if _stands_in(cls) else super().__hash__()


def _stands_in(cls: type) -> bool:
    return "__original__" in vars(cls)


def value_stand_ins(source: TimeStandIns) -> dict[str, type]:
    """Return the classes that stand for ``datetime.date`` and ``datetime.datetime``, by those names."""

    class StandInDate(dt.date, metaclass=_ValueStandIn):
        __original__ = dt.date

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made: Any = dt.date
            return made(*args, **kwargs) if _stands_in(cls) else made.__new__(cls, *args, **kwargs)

        @classmethod
        def today(cls) -> Any:
            return _as_date(cls, _read(source, source.zone()))

        @classmethod
        def fromtimestamp(cls, timestamp: float, /) -> Any:
            return _as_date(cls, dt.datetime.fromtimestamp(timestamp, source.zone()))

    class StandInDatetime(dt.datetime, metaclass=_ValueStandIn):
        __original__ = dt.datetime

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made: Any = dt.datetime
            return made(*args, **kwargs) if _stands_in(cls) else made.__new__(cls, *args, **kwargs)

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            if tz is not None:
                return _as_datetime(cls, _read(source, tz))
            return _as_datetime(cls, _read(source, source.zone()).replace(tzinfo=None))

        @classmethod
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        def utcnow(cls) -> Any:
            return _as_datetime(cls, _read(source, dt.UTC).replace(tzinfo=None))

        @classmethod
        def fromtimestamp(cls, timestamp: float, tz: dt.tzinfo | None = None) -> Any:
            moment = dt.datetime.fromtimestamp(timestamp, tz or source.zone())
            return _as_datetime(cls, moment if tz is not None else moment.replace(tzinfo=None))

    classes: dict[str, type] = {"date": StandInDate, "datetime": StandInDatetime}
    for name, made in classes.items():
        made.__name__ = made.__qualname__ = name
        made.__module__ = "datetime"
    return classes


def original_of(value: object) -> object:
    """Return what *value* stands for, where it is a stand-in of any patch; otherwise *value* itself."""
    # by type(), because isinstance() asks the value for its class, and a lazy proxy would wake up
    kind: Any = type(value)
    known: Any = value
    if kind is MethodType:
        owner: Any = known.__self__
        if type(owner) is TimeStandIns:
            return owner.original(known.__name__)
        if type(owner) is _ValueStandIn and _stands_in(owner):
            return getattr(owner.__original__, known.__name__)
    elif kind is ModuleStandIn or (kind is _ValueStandIn and _stands_in(known)):
        original: object = known.__original__
        return original
    return value


def _read(source: TimeStandIns, zone: dt.tzinfo | None) -> dt.datetime:
    """Return the wall clock in *zone*, or naive in the zone of the machine, without a float on the way."""
    seconds, ns = divmod(source.time_ns(), 1_000_000_000)
    return dt.datetime.fromtimestamp(seconds, zone).replace(microsecond=ns // 1_000)


def _as_datetime(cls: Any, moment: dt.datetime) -> Any:
    return cls.combine(moment.date(), moment.timetz())


def _as_date(cls: Any, moment: dt.datetime) -> Any:
    return cls(moment.year, moment.month, moment.day)
