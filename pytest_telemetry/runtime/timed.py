"""Runs functions, coroutine functions and generators in a span (layer 1)."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pytest_telemetry.runtime.current import CURRENT, resume

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from pytest_telemetry.runtime.interface import Context

__all__ = ("require_span_name", "timed_by")

F = TypeVar("F", bound="Callable[..., Any]")


def require_span_name(name: object) -> None:
    """Refuse a function in the place of the name, enabled or not: the decorator was written without its name.

    Raises:
        TypeError: *name* can be called.
    """
    if callable(name):
        shown = getattr(name, "__qualname__", type(name).__qualname__)
        raise TypeError(
            f"timed takes the name of the span first: write @timed('...') above {shown}, not @timed"
        )


def timed_by(find: Callable[[], Context], name: str, attrs: dict[str, Any], function: F) -> F:
    """Return *function* so that each call runs in a span of the context that *find* returns.

    *find* is asked when the body begins to run: for coroutines and generators that is their first step. A
    generator's span lasts until its end, time spent by the consumer included; between two steps the
    consumer's own span is current, so that nothing it records lands below the generator.
    """
    if isinstance(function, staticmethod | classmethod):
        kind: Callable[..., Any] = type(function)
        return cast("F", kind(timed_by(find, name, attrs, function.__func__)))
    if inspect.isasyncgenfunction(function):
        timed: Callable[..., Any] = _timed_async_generator(find, name, attrs, function)
    elif inspect.iscoroutinefunction(function):

        async def timed(*args: Any, **kwargs: Any) -> Any:
            with find().time(name, **attrs):
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(function):
        timed = _timed_generator(find, name, attrs, function)
    else:

        def timed(*args: Any, **kwargs: Any) -> Any:
            with find().time(name, **attrs):
                return function(*args, **kwargs)

    return cast("F", functools.wraps(function)(timed))


def _timed_generator(
    find: Callable[[], Context], name: str, attrs: dict[str, Any], function: Callable[..., Any]
) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        consumer = CURRENT.get()
        try:
            with find().time(name, **attrs):
                step, value = generator.send, None
                while True:
                    try:
                        item = step(value)
                    except StopIteration as end:
                        return end.value
                    inside = resume(consumer)
                    try:
                        value = yield item
                    except GeneratorExit:
                        consumer = resume(inside)
                        return generator.close()
                    except BaseException as error:  # noqa: BLE001 - passed into the generator, as `yield from` does
                        step, value = generator.throw, error
                    else:
                        step = generator.send
                    consumer = resume(inside)
        finally:
            resume(consumer)

    return timed


def _timed_async_generator(
    find: Callable[[], Context], name: str, attrs: dict[str, Any], function: Callable[..., Any]
) -> Callable[..., Any]:
    async def timed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        consumer = CURRENT.get()
        try:
            with find().time(name, **attrs):
                step, value = generator.asend, None
                while True:
                    try:
                        item = await step(value)
                    except StopAsyncIteration:
                        return
                    inside = resume(consumer)
                    try:
                        value = yield item
                    except GeneratorExit:
                        consumer = resume(inside)
                        await generator.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001 - passed into the generator
                        step, value = generator.athrow, error
                    else:
                        step = generator.asend
                    consumer = resume(inside)
        finally:
            resume(consumer)

    return timed
