# Mistakes that asyncio and the interpreter warn of.
import asyncio
import gc


async def forgotten():
    pass


async def failing():
    raise ValueError("nobody looks")


async def main():
    forgotten()
    task = asyncio.create_task(failing(), name="lost")
    await asyncio.sleep(0)
    del task
    gc.collect()
    pending = asyncio.create_task(asyncio.sleep(100), name="pending")
    await asyncio.sleep(0)
    return pending


print(asyncio.run(main()).cancelled())
