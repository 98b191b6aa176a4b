"""
The far side of a network test, in a network namespace of its own. Says "ready" when it listens, then a line for each thing
that it hears:

    dns TYPE NAME        a question
    datagram ADDRESS     whom a datagram to port 9 came from

argv: the address where DNS and datagrams are, then NAME=ADDRESS for each name that it knows; of other names it says that
they do not exist. TCP ports 80, 25, 2375 answer "here"; TCP port 8080 redirects to whatever URL follows `/to/`.
"""

import socket
import struct
import sys
import threading

ADDRESS, *NAMES = sys.argv[1:]
ZONE = dict(name.split("=") for name in NAMES)
TYPES = {1: "A", 12: "PTR", 28: "AAAA"}


def name_of(question):
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    return ".".join(labels), at + 1


def answer(question):
    name, end = name_of(question)
    (kind,) = struct.unpack(">H", question[end : end + 2])
    print("dns", TYPES.get(kind, kind), name, flush=True)
    known = ZONE.get(name.lower())
    records = [socket.inet_aton(known)] if known and kind == 1 else []
    head = question[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + record for record in records)
    return head + question[12 : end + 4] + body


def resolve(datagrams):
    while True:
        question, sender = datagrams.recvfrom(512)
        datagrams.sendto(answer(question), sender)


def note(datagrams):
    while True:
        _, (address, _port) = datagrams.recvfrom(512)
        print("datagram", address, flush=True)


def greet(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection, listener.getsockname()[1]), daemon=True).start()


def talk(connection, port):
    # A client may go whenever it likes.
    try:
        with connection:
            if port != 8080:
                connection.sendall(b"here")
                connection.settimeout(30)
                # Open until the other side has enough, so that connections can be counted.
                while connection.recv(64):
                    connection.sendall(b"here")
                return
            path = connection.recv(4096).split(b" ")[1].decode()
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {path[4:]}\r\nContent-Length: 0\r\n\r\n".encode())
    except OSError:
        pass


def datagrams_at(port):
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((ADDRESS, port))
    return datagrams


workers = [threading.Thread(target=resolve, args=(datagrams_at(53),)), threading.Thread(target=note, args=(datagrams_at(9),))]
for port in (80, 25, 2375, 8080):
    workers.append(threading.Thread(target=greet, args=(socket.create_server(("0.0.0.0", port), backlog=512),)))
for worker in workers:
    worker.start()
print("ready", flush=True)
