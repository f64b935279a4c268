"""A proxy that listens in: every exchange between a plugin's test and the lab is kept, in memory only.

The test program is started with DRORCH_TEST_PROXY=PORT:FILE: it asks at that port, and writes the
lab's own port into the file.
"""
import http.client
import http.server
import os
import subprocess
import tempfile
import threading

HOP = ("connection", "host", "content-length", "transfer-encoding", "accept-encoding", "expect")


class Exchange:
    """status 0: no answer came."""

    def __init__(self, method, target, headers, body, status=0, reply=b"", reply_headers=()):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.status, self.reply, self.reply_headers = status, reply, dict(reply_headers)


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        kept = {name: "Bearer recorded" if name.lower() == "authorization" else value
                for name, value in headers.items()}
        exchange = Exchange(self.command, self.path, kept, body)
        with self.server.lock:
            self.server.exchanges.append(exchange)
        with open(self.server.note) as note:
            port = int(note.read())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            reply, fields = response.read(), response.getheaders()
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # a fault of the lab's: handed on as it is
            return
        finally:
            connection.close()
        exchange.reply, exchange.reply_headers, exchange.status = reply, dict(fields), response.status
        self.send_response(response.status)
        for name, value in fields:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

    def log_message(self, *_):
        pass


def record(program, seconds):
    """Runs it; its exit code and the exchanges."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.daemon_threads = True
    server.lock, server.exchanges = threading.Lock(), []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with tempfile.TemporaryDirectory(prefix="drorch-record-") as folder:
            server.note = os.path.join(folder, "port")
            code = subprocess.run([program], timeout=seconds, env=dict(
                os.environ, DRORCH_TEST_PROXY="%d:%s" % (server.server_address[1], server.note))).returncode
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return code, server.exchanges
