#!/usr/bin/python3
"""What the linode plugin asks the lab, and what the lab answers it, judged by the official description.

The plugin's own test runs through a proxy that listens in.
"""
import http.client
import http.server
import os
import subprocess
import sys
import tempfile
import threading

import lablib
from linode_referee import Referee

PROGRAM = os.path.join(lablib.BUILD, "tests/plugins/test_linode_lab")
FORWARDED = ("authorization", "content-type", "x-filter")


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        headers = {name: value for name, value in self.headers.items() if name.lower() in FORWARDED}
        with open(self.server.note) as note:
            port = int(note.read())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            reply = response.read()
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # a fault of the lab's: handed on as it is
            return
        finally:
            connection.close()
        problems = self.server.referee.check(self.command, self.path, headers, body, response.status, reply)
        with self.server.lock:
            self.server.seen += 1
            self.server.problems += problems
        self.send_response(response.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        if response.getheader("Retry-After"):
            self.send_header("Retry-After", response.getheader("Retry-After"))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_PUT = do_DELETE = do

    def log_message(self, *_):
        pass


def main():
    referee = Referee.find()
    if not referee:
        lablib.skip("the official description, or python3-jsonschema, is not here")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.daemon_threads = True
    server.referee, server.lock, server.seen, server.problems = referee, threading.Lock(), 0, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with tempfile.TemporaryDirectory(prefix="drorch-linode-") as folder:
            server.note = os.path.join(folder, "port")
            code = subprocess.run([PROGRAM], timeout=200, env=dict(
                os.environ, DRORCH_TEST_PROXY="%d:%s" % (server.server_address[1], server.note))).returncode
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    for problem in sorted(set(server.problems)):
        print("BREAKS THE DESCRIPTION:", problem)
    print("%d exchanges, %d problems" % (server.seen, len(server.problems)))
    return 1 if code or server.problems or server.seen < 30 else 0


sys.exit(main())
