"""PID 1 of the container that programs are compared with: runs one after the other, as plainly as can be.

A request is one line of JSON on stdin, its answer one line on stdout. Each program gets empty folders, a session of its own,
pipes for its streams, and the command that a user would type. What it leaves running is killed when it ends, as it would be
if the container had been its own. Nothing of Matchbox takes part.
"""

import base64
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading

FOLDERS = ("/workspace", "/tmp", "/home/sandboxuser", "/dev/shm")


def empty(folder):
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, stat.S_IRWXU)
            empty(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def write_file(path, content):
    path = os.path.join("/workspace", path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(base64.b64decode(content))


def collector(stream):
    pieces = []

    def collect():
        while piece := os.read(stream.fileno(), 65536):
            pieces.append(piece)
        stream.close()

    thread = threading.Thread(target=collect)
    thread.start()
    return pieces, thread


def feed(stream, data):
    try:
        stream.write(data)
        stream.close()
    except BrokenPipeError:
        pass  # the program did not want all of it


def kill_everything():
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing is left but this process
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass  # all reaped


def run(request):
    for folder in FOLDERS:
        empty(folder)
    for path, content in request["files"].items():
        write_file(path, content)
    process = subprocess.Popen(
        request["command"],
        executable=shutil.which(request["command"][0]),  # the container's: a program's PATH is its own
        cwd="/workspace",
        env={**os.environ, **request["env"]},
        umask=0o022,
        start_new_session=True,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    outputs = {"stdout": collector(process.stdout), "stderr": collector(process.stderr)}
    feeder = threading.Thread(target=feed, args=(process.stdin, base64.b64decode(request["stdin"])))
    feeder.start()
    watchdog = threading.Timer(request["timeoutMs"] / 1000, kill_everything)
    watchdog.start()
    status = process.wait()
    watchdog.cancel()
    kill_everything()
    answer = {"status": status}
    for name, (pieces, thread) in outputs.items():
        thread.join()
        answer[name] = base64.b64encode(b"".join(pieces)).decode()
    feeder.join()
    return answer


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
