import asyncio
import contextlib


async def ticker(name, count):
    for i in range(count):
        await asyncio.sleep(0)
        yield f"{name}{i}"


async def fail():
    raise ValueError("task")


async def main():
    print(asyncio.get_running_loop().is_running(), asyncio.current_task().get_name())
    print([item async for item in ticker("t", 3)])
    print(await asyncio.gather(fail(), asyncio.sleep(0, 2), return_exceptions=True))
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    except TimeoutError as error:
        print("timeout", repr(error))
    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
    loop = asyncio.get_running_loop()
    print(await loop.run_in_executor(None, sum, range(10)))
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print(await process.communicate(b"through cat"), process.returncode)
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    server.close()
    queue = asyncio.Queue()
    await queue.put(1)
    print(await queue.get())


asyncio.run(main())
