"""Work on several items at the same time, whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> Iterator[Result]:
    """``map(work, items)`` by threads, never more than one result ahead of each thread.

    An error is raised where its result would come; what has not begun by then is not done.

    >>> list(in_order(str, range(5), at_once=2))
    ['0', '1', '2', '3', '4']

    Args:
        work: May be called by several threads at once, unless ``at_once`` is 1.
        items: Taken as they are needed.
        at_once: Number of threads; with 1, everything happens in the caller's.
    """
    if at_once == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(at_once)
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
