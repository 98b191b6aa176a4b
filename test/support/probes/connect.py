"""Tries to reach each target of argv (protocol/address/port) and prints the target, a tab, and what came of it."""

import errno
import socket
import sys
import threading

# Long enough for a lost packet to be sent again.
DEADLINE_S = 2.5


def attempt(target):
    protocol, address, port = target.split("/")
    if protocol == "tcp":
        with socket.create_connection((address, int(port)), DEADLINE_S) as connection:
            return connection.recv(64).decode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(DEADLINE_S)
        datagrams.connect((address, int(port)))
        datagrams.send(b"hello")
        return datagrams.recv(64).decode()


def report(target):
    try:
        outcome = attempt(target)
    except TimeoutError:
        outcome = "silence"
    except OSError as error:
        outcome = errno.errorcode.get(error.errno, str(error))
    print(f"{target}\t{outcome}\n", end="", flush=True)


threads = [threading.Thread(target=report, args=(target,)) for target in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
