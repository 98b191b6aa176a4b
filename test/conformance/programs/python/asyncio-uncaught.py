import asyncio


async def inner():
    await asyncio.sleep(0)
    raise LookupError("inside")


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(inner(), name="the one")


asyncio.run(main())
