# A lane without a network has names that cannot be resolved, and its own loopback.
import http.server
import socket
import threading
import urllib.error
import urllib.request

import requests

server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
server.RequestHandlerClass.log_message = lambda *_: None
threading.Thread(target=server.serve_forever, daemon=True).start()
print(requests.get(f"http://127.0.0.1:{server.server_port}/main.py").status_code)
print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status)
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except OSError as error:
    print(error)
left, right = socket.socketpair()
left.sendall(b"x")
print(right.recv(1), socket.if_nameindex())
server.shutdown()
