# SPDX-License-Identifier: Apache-2.0
"""What the tests' Hub needs of HTTP/1.1 over TLS, and no more: Python's http.server spends most of its time on headers, and the tests share two
processors with their server."""

import http
import socketserver
import ssl
import subprocess
import threading


class Handler(socketserver.StreamRequestHandler):
    """One connection. `answer` is called for each request, with `command`, `path`, `headers` (names in lower case); it reads a body itself."""

    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def handle(self):
        self.close_connection = False
        while not self.close_connection and (line := self.rfile.readline()):
            self.command, self.path, _ = line.decode("latin-1").split()
            self.headers = {}
            while (line := self.rfile.readline()).strip():
                name, value = line.decode("latin-1").split(":", 1)
                self.headers[name.lower()] = value.strip()
            self.close_connection = self.headers.get("connection", "").lower() == "close"
            self.answer()
            if not self.wfile.closed:
                self.wfile.flush()

    def head(self, status, headers, length):
        lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {length}", "\r\n"]
        self.wfile.write("\r\n".join(lines).encode("latin-1"))

    def body_bytes(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))


class Server(socketserver.ThreadingTCPServer):
    """Serves until the program ends."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler, context, **attributes):
        self.context, self.connections = context, 0
        vars(self).update(attributes)
        super().__init__(("127.0.0.1", 0), handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def verify_request(self, request, address):
        self.connections += 1  # by the one thread that accepts them
        return True

    def finish_request(self, request, address):
        super().finish_request(self.context.wrap_socket(request, server_side=True), address)

    def handle_error(self, request, address):
        pass  # a client that was killed


def certified(folder):
    """The path of a new certificate for this machine, and a context that shows it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
