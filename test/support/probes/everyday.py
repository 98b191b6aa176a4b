"""What ordinary programs do, one name and "ok" or the error a line: a filter that is too strict shows here."""

import asyncio
import concurrent.futures
import ctypes
import mmap
import multiprocessing
import os
import resource
import select
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import shared_memory


def square(number):
    return number * number


def threads():
    seen = []
    workers = [threading.Thread(target=seen.append, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(seen) == list(range(8))


def processes(method):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(square, [1, 2, 3])) == [1, 4, 9]


def semaphores_and_shared_memory():
    assert multiprocessing.Semaphore(1).acquire()
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.buf[0] = 7
    block.close()
    block.unlink()


def subprocesses():
    assert subprocess.run(["sh", "-c", "echo x | cat"], capture_output=True).stdout == b"x\n"
    assert os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0
    assert subprocess.run(["bash", "-c", "cat <(echo y); exit 3"], capture_output=True).returncode == 3


async def _asynchronous():
    async def greet(_reader, writer):
        writer.write(b"hi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await reader.read() == b"hi"
    writer.close()
    child = await asyncio.create_subprocess_exec("echo", "z", stdout=subprocess.PIPE)
    assert (await child.communicate())[0] == b"z\n"
    await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)


def asynchronous():
    asyncio.run(_asynchronous())


def udp_and_ipv6():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        two.bind(("127.0.0.1", 0))
        one.sendto(b"u", two.getsockname())
        assert two.recv(9) == b"u"
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()


def unix_sockets_and_descriptors():
    left, right = socket.socketpair()
    with tempfile.TemporaryFile() as file:
        socket.send_fds(left, [b"f"], [file.fileno()])
        _, descriptors, _, _ = socket.recv_fds(right, 9, 1)
        assert len(descriptors) == 1


def interfaces():
    assert "lo" in [name for _, name in socket.if_nameindex()]


def memory():
    assert os.memfd_create("m") >= 0
    page = mmap.mmap(-1, 4096)
    page.madvise(mmap.MADV_DONTNEED)
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(64)
    assert libc.mlock(text, 64) == 0


def watching_files():
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(0)
    assert watcher >= 0 and libc.inotify_add_watch(watcher, b"/tmp", 0x100) >= 0
    open("/tmp/watched", "w").close()
    assert select.select([watcher], [], [], 5)[0]


def files():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a")
        os.mkfifo(os.path.join(folder, "f"))
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 4096)
            os.fsync(file.fileno())
        os.chmod(path, 0o600, follow_symlinks=True)
        os.utime(path)
        os.link(path, path + "2")
        os.symlink(path, path + "3")
        os.rename(path + "2", path + "4")
        os.truncate(path, 10)
        os.sync()
        assert subprocess.run(["cp", "-a", path, path + "5"]).returncode == 0
        assert subprocess.run(["tar", "-C", folder, "-czf", "/tmp/probe.tgz", "a", "a3"]).returncode == 0


def databases():
    connection = sqlite3.connect("/tmp/probe.db")
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table t (a)")
    connection.commit()


def certificates():
    ssl.create_default_context()


def signals_and_timers():
    fired = []
    signal.signal(signal.SIGALRM, lambda *_: fired.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(0.1)
    assert fired
    os.kill(os.getpid(), 0)
    child = subprocess.Popen(["sleep", "60"])
    handle = os.pidfd_open(child.pid)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


def limits():
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
    resource.prlimit(0, resource.RLIMIT_CORE)
    # As programs do that have a secret; gpg gives up where it fails.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.nice(1)


def terminals():
    import pty

    assert pty.spawn(["true"]) == 0


CHECKS = [
    threads,
    *[lambda method=method: processes(method) for method in ("fork", "spawn", "forkserver")],
    semaphores_and_shared_memory,
    subprocesses,
    asynchronous,
    udp_and_ipv6,
    unix_sockets_and_descriptors,
    interfaces,
    memory,
    watching_files,
    files,
    databases,
    certificates,
    signals_and_timers,
    limits,
    terminals,
]


def main():
    failed = 0
    for number, check in enumerate(CHECKS):
        name = f"{number} {check.__name__}"
        try:
            check()
            print(f"{name}\tok", flush=True)
        except Exception as error:
            failed += 1
            print(f"{name}\t{type(error).__name__}: {error}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
