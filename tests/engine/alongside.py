"""A story told while a part of the engine works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine


def at_work(part: Coroutine[None, None, None], story: Callable[[], Awaitable[None]]) -> None:
    """The story, while the part works; an error that ended the part is raised."""

    async def together() -> None:
        work = asyncio.create_task(part)
        await asyncio.sleep(0)  # it listens from now on
        try:
            await story()
        finally:
            work.cancel()
            await asyncio.wait([work])
        if not work.cancelled():
            work.result()

    asyncio.run(together())
