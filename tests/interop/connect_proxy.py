# SPDX-License-Identifier: Apache-2.0
"""A proxy that knows CONNECT and no more: `asked` has the targets of its tunnels."""

import socket
import socketserver
import threading


class Tunnel(socketserver.StreamRequestHandler):
    def handle(self):
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append((method, target))
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self.copy, args=(there, self.connection), daemon=True)
            back.start()
            self.copy(self.connection, there)
            back.join()

    @staticmethod
    def copy(source, target):
        try:
            while piece := source.recv(1 << 16):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # the other end is gone
            pass


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.asked, self.address = [], f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
