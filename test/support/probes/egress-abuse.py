"""What a hostile program sends into the world: one JSON with what came of it. argv: an address that may be reached."""

import errno
import json
import os
import socket
import struct
import sys
import time

TARGET = sys.argv[1]
IP_FREEBIND, IP_TRANSPARENT = 15, 19


def outcome(attempt):
    try:
        return attempt() or "done"
    except TimeoutError:
        return "silence"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def raw(protocol):
    def attempt():
        socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol).close()

    return attempt


def packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300).close()


def ping():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as pinger:
        pinger.settimeout(1)
        pinger.sendto(struct.pack(">BBHHH", 8, 0, 0, 0, 1) + b"x" * 8, (TARGET, 0))
        return f"answer {pinger.recv(64)!r}"


def spoof(option):
    """Sends in the name of another: of a neighbour, or of somebody in the world."""

    def attempt():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.setsockopt(socket.IPPROTO_IP, option, 1)
            datagrams.bind(("198.51.100.77", 0))
            datagrams.sendto(b"spoofed", (TARGET, 9))

    return attempt


def sctp():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132) as stream:
        stream.settimeout(1)
        stream.connect((TARGET, 80))


results = {
    "raw icmp": outcome(raw(socket.IPPROTO_ICMP)),
    "raw udp": outcome(raw(socket.IPPROTO_UDP)),
    "packet": outcome(packet_socket),
    "ping": outcome(ping),
    "freebind": outcome(spoof(IP_FREEBIND)),
    "transparent": outcome(spoof(IP_TRANSPARENT)),
    "sctp": outcome(sctp),
}


def flood():
    """A new flow with every datagram and every connection, as many as there is time for."""
    sent = 0
    held = []
    flows = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    flows.setblocking(False)
    until = time.monotonic() + 1
    while time.monotonic() < until and sent < 50_000:
        try:
            flows.sendto(b"x", (TARGET, 1024 + sent % 60_000))
        except OSError:
            pass
        sent += 1
        if sent % 100 == 0 and len(held) < 400:
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.setblocking(False)
            connection.connect_ex((TARGET, 80))
            held.append(connection)
    return sent, held


if "flood" in sys.argv:
    sent, held = flood()
    print(json.dumps({"sent": sent, "tried": len(held)}), flush=True)
    sys.stdin.readline()
else:
    print(json.dumps(results), flush=True)
os._exit(0)
