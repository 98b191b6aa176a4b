"""Answers "here" on every port of argv (protocol/port, or udp/port/address) to whoever asks, until it is killed. Says "ready" when it listens."""

import socket
import sys
import threading


def serve_tcp(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"here")
        connection.close()


def serve_udp(datagrams):
    while True:
        _, sender = datagrams.recvfrom(64)
        datagrams.sendto(b"here", sender)


threads = []
for argument in sys.argv[1:]:
    protocol, port, *address = argument.split("/")
    if protocol == "tcp":
        listener = socket.create_server(("0.0.0.0", int(port)), backlog=256)
        threads.append(threading.Thread(target=serve_tcp, args=(listener,)))
    else:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Bound to one address where the machine has several: an answer must come from the one that was asked.
        datagrams.bind((address[0] if address else "0.0.0.0", int(port)))
        threads.append(threading.Thread(target=serve_udp, args=(datagrams,)))
for thread in threads:
    thread.start()
print("ready", flush=True)
