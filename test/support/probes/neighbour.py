"""
One of two sandboxes on one bridge. Listens on TCP and UDP port 8080, at every address, the groups of multicast included;
says "at ADDRESS"; reads the other's address; tries whatever may reach it, and says what came of it, one JSON a line; waits
for a line, and says how much it has heard of others.
"""

import errno
import json
import socket
import struct
import sys
import threading
import time

OWN = socket.gethostbyname(socket.gethostname())
PORT, GROUP, WAIT_S, LONG_S = 8080, "239.1.2.3", 1.5, 20
heard = []


def listen_tcp(listener):
    while True:
        connection, (address, _) = listener.accept()
        if address != OWN:
            heard.append(f"tcp {address}")
        connection.sendall(b"here")
        connection.close()


def listen_udp(datagrams):
    while True:
        _, (address, port) = datagrams.recvfrom(64)
        if address != OWN:
            heard.append(f"udp {address}")
        datagrams.sendto(b"here", (address, port))


def tcp(address, wait=WAIT_S):
    with socket.create_connection((address, PORT), wait) as connection:
        return connection.recv(9).decode()


def udp(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        datagrams.settimeout(WAIT_S)
        datagrams.sendto(b"hello", (address, PORT))
        while True:
            answer, (sender, _) = datagrams.recvfrom(9)
            if sender != OWN or address == OWN:
                return answer.decode()


def attempt(what, how, address, results):
    try:
        results[what] = how(address)
    except TimeoutError:
        results[what] = "silence"
    except OSError as error:
        results[what] = errno.errorcode.get(error.errno, str(error))


def all_at_once(attempts):
    results = {}
    threads = [threading.Thread(target=attempt, args=(*one, results)) for one in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


listener = socket.create_server(("0.0.0.0", PORT))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", PORT))
datagrams.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(OWN)))
for target, on in ((listen_tcp, listener), (listen_udp, datagrams)):
    threading.Thread(target=target, args=(on,), daemon=True).start()
print("at", OWN, flush=True)

other = sys.stdin.readline().strip()
# The network that is on the wire: its number and mask, as the kernel writes them.
net, mask = next((int(row[1], 16), int(row[7], 16)) for row in map(str.split, open("/proc/net/route")) if row[2] == "00000000")
address_of = lambda number: socket.inet_ntoa(struct.pack("<I", number))
base = struct.unpack(">I", struct.pack("<I", net))[0]
# Those that are likely to be in use: the engine gives them out from the lowest on.
scan = [socket.inet_ntoa(struct.pack(">I", base + host)) for host in range(2, 40)]
results = all_at_once(
    [
        ("tcp", tcp, other),
        ("udp", udp, other),
        ("broadcast", udp, "255.255.255.255"),
        ("broadcast of the subnet", udp, address_of(net | ~mask & 0xFFFFFFFF)),
        ("multicast", udp, GROUP),
        *[(f"scan {address}", tcp, address) for address in scan if address != OWN],
    ]
)
# What must be reached may take as long as a busy machine needs.
attempt("itself", lambda address: tcp(address, LONG_S), OWN, results)
results["scan"] = sorted(set(value for key, value in results.items() if key.startswith("scan ")) - {"silence", "EHOSTUNREACH"})
print(json.dumps({key: value for key, value in results.items() if not key.startswith("scan ")}), flush=True)
sys.stdin.readline()
time.sleep(0.1)
print(json.dumps(heard), flush=True)
