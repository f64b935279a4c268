#!/usr/bin/python3
"""The edge of the lab: follows proxied records, moves with them, and stays upright in between."""
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import random
import socket
import sys
import threading
import time
import unittest

import lablib

BIG = 24 << 20


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections += 1

    def answer(self, body, *headers):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.server.requests += 1
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n")
        elif self.path == "/until-close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"u" * 200000)
            self.close_connection = True
        elif self.path == "/goodbye":  # keeps its promise to keep the connection badly
            self.answer(b"bye")
            self.close_connection = True
        elif self.path == "/empty":
            self.close_connection = True
        elif self.path == "/torn":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
            self.close_connection = True
        elif self.path == "/nonsense":
            self.wfile.write(b"SSH-2.0-hello\r\n\r\n")
            self.close_connection = True
        elif self.path == "/big":
            self.answer(b"B" * BIG)
        elif self.path == "/headers":
            self.answer(json.dumps({k.lower(): v for k, v in self.headers.items()}).encode(),
                        ("Server", "origin"), ("X-Kept", "yes"), ("Connection", "X-Hop"),
                        ("X-Hop", "no"))
        else:
            self.answer(self.server.name.encode())

    do_HEAD = do_GET

    def do_POST(self):
        self.server.requests += 1
        digest = hashlib.sha256()
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while True:
                size = int(self.rfile.readline(), 16)
                digest.update(self.rfile.read(size))
                self.rfile.readline()
                if size == 0:
                    break
        else:
            left = int(self.headers["Content-Length"])
            while left:
                piece = self.rfile.read(min(left, 65536))
                digest.update(piece)
                left -= len(piece)
        self.answer(digest.hexdigest().encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments):
        self.open = []
        super().__init__(*arguments)

    def get_request(self):
        sock, peer = super().get_request()
        self.open.append(sock.dup())
        return sock, peer

    def handle_error(self, *_):
        pass

    def die(self):
        """As a killed process does: every connection goes with it."""
        self.shutdown()
        self.server_close()
        for sock in self.open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class EdgeCase(unittest.TestCase):
    options = ["--edge-log"]

    def setUp(self):
        self.net = "127.%d.%d." % (random.randint(64, 127), random.randint(0, 255))
        self.servers = {}
        self.origin_port = 0
        first = self.serve(1)
        self.origin_port = first.server_address[1]
        self.serve(2)
        self.lab = lablib.Lab("--origin-port", str(self.origin_port), *self.options)
        zone = self.api("POST", "/zones", {"name": "example.test"})
        self.records = "/zones/%s/dns_records" % zone["id"]
        self.app = self.add("app", 1)

    def tearDown(self):
        self.lab.stop()
        for number in list(self.servers):
            self.silence(number)

    def serve(self, number):
        server = Server((self.net + str(number), self.origin_port), Origin)
        server.name, server.connections, server.requests = "origin%d" % number, 0, 0
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.servers[number] = server
        return server

    def silence(self, number):
        self.servers.pop(number).die()

    def api(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.port, timeout=20)
        connection.request(method, "/client/v4" + path, json.dumps(body) if body else None,
                           {"Authorization": "Bearer " + self.lab.token})
        value = json.loads(connection.getresponse().read())
        connection.close()
        self.assertTrue(value["success"], value)
        return value["result"]

    def add(self, name, number, proxied=True, kind="A"):
        content = self.net + str(number) if kind == "A" else number
        return self.api("POST", self.records, {"type": kind, "name": name, "content": content,
                                               "proxied": proxied})

    def move(self, record, number):
        self.api("PATCH", self.records + "/" + record["id"], {"content": self.net + str(number)})

    @contextlib.contextmanager
    def edge(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.lab.edge_port, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, path="/", host="app.example.test", method="GET", body=None, headers=None,
            connection=None):
        if not connection:
            with self.edge() as connection:
                return self.ask(path, host, method, body, headers, connection)
        connection.request(method, path, body, dict(headers or {}, Host=host))
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def raw(self, data):
        """All that the edge answers to these bytes, until it ends the connection."""
        with socket.create_connection(("127.0.0.1", self.lab.edge_port), 20) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := sock.recv(65536):
                answer += piece
        return answer


class EdgeTest(EdgeCase):
    def test_follows_the_record(self):
        with self.edge() as kept:
            self.assertEqual(self.ask(connection=kept)[:2], (200, b"origin1"))
            self.move(self.app, 2)
            self.assertEqual(self.ask(connection=kept)[:2], (200, b"origin2"))
        self.assertEqual(self.ask(host="APP.example.test.:80")[:2], (200, b"origin2"))
        self.lab.kill()
        self.lab.start()
        self.assertEqual(self.ask()[:2], (200, b"origin2"))
        self.api("DELETE", self.records + "/" + self.app["id"])
        self.assertEqual(self.ask()[0], 530)

    def test_names(self):
        self.add("www", "app.example.test", kind="CNAME")
        self.add("*.wild", 2)
        self.add("plain", 1, proxied=False)
        self.add("via", "plain.example.test", kind="CNAME")
        self.add("loop", "loop2.example.test", kind="CNAME")
        self.add("loop2", "loop.example.test", kind="CNAME")
        self.add("away", "www.example.com", kind="CNAME")
        for host, wanted in (("www", b"origin1"), ("x.wild", b"origin2"), ("via", b"origin1")):
            self.assertEqual(self.ask(host=host + ".example.test")[:2], (200, wanted), host)
        for host in ("plain", "loop", "away", "none"):
            status, body, headers = self.ask(host=host + ".example.test")
            self.assertEqual((status, b"1016" in body), (530, True), host)
            self.assertEqual(headers["Server"], "cloudflare")
        self.assertEqual(self.ask(host="other.test")[0], 409)

    def test_several_values(self):
        self.add("app", 2)
        seen = [self.ask()[1] for _ in range(10)]
        self.assertEqual((seen.count(b"origin1"), seen.count(b"origin2")), (5, 5))
        self.silence(1)
        self.assertEqual([self.ask()[:2] for _ in range(10)], [(200, b"origin2")] * 10)
        self.silence(2)
        self.assertEqual(self.ask()[0], 521)

    def test_origin_down(self):
        self.silence(1)
        status, body, headers = self.ask()
        self.assertEqual((status, b"521" in body, headers["Server"]), (521, True, "cloudflare"))
        self.serve(1)
        self.assertEqual(self.ask()[:2], (200, b"origin1"))

    def test_bad_origins(self):
        self.assertEqual(self.ask("/empty")[0], 520)
        self.assertEqual(self.ask("/nonsense")[0], 520)
        with self.assertRaises(http.client.IncompleteRead):
            self.ask("/torn")
        self.assertEqual(self.ask()[:2], (200, b"origin1"))

    def test_keep_alive(self):
        with self.edge() as kept:
            for _ in range(20):
                self.assertEqual(self.ask(connection=kept)[:2], (200, b"origin1"))
        self.assertEqual(self.servers[1].connections, 1)
        for _ in range(10):  # a kept connection that the origin ends must not show
            self.assertEqual(self.ask("/goodbye")[:2], (200, b"bye"))
            self.assertEqual(self.ask()[:2], (200, b"origin1"))

    def test_a_post_is_sent_once(self):
        for number in range(5):
            self.ask("/goodbye")
            wanted = hashlib.sha256(b"%d" % number).hexdigest().encode()
            self.assertEqual(self.ask(method="POST", body=b"%d" % number)[:2], (200, wanted))
        self.assertEqual(self.servers[1].requests, 10)

    def test_bodies(self):
        self.assertEqual(self.ask("/chunked")[1], b"hello world")
        self.assertEqual(self.ask("/until-close")[1], b"u" * 200000)
        status, body, headers = self.ask("/big", method="HEAD")
        self.assertEqual((status, body, headers["Content-Length"]), (200, b"", str(BIG)))
        self.assertEqual(self.ask("/big")[1], b"B" * BIG)
        body = os.urandom(1 << 20) * 24
        wanted = hashlib.sha256(body).hexdigest().encode()
        with self.edge() as kept:
            self.assertEqual(self.ask(method="POST", body=body, connection=kept)[:2], (200, wanted))
            pieces = (body[at:at + 100000] for at in range(0, len(body), 100000))
            self.assertEqual(self.ask(method="POST", body=pieces, connection=kept)[:2],
                             (200, wanted))

    def test_headers(self):
        status, body, headers = self.ask("/headers", headers={
            "X-Mine": "1", "Connection": "X-Secret, keep-alive", "X-Secret": "hop",
            "X-Forwarded-For": "10.0.0.1", "CF-Connecting-IP": "10.9.9.9"})
        sent = json.loads(body)
        self.assertEqual((status, sent["x-mine"], sent["host"]), (200, "1", "app.example.test"))
        self.assertEqual((sent["x-forwarded-for"], sent["cf-connecting-ip"]),
                         ("10.0.0.1, 127.0.0.1", "127.0.0.1"))
        self.assertRegex(sent["cf-ray"], "^[0-9a-f]{16}-LAB$")
        self.assertNotIn("x-secret", sent)
        self.assertEqual((headers["Server"], headers["X-Kept"], headers["X-Hop"]),
                         ("cloudflare", "yes", None))
        self.assertNotIn(self.net, str(headers))
        with open(os.path.join(self.lab.dir, "edge.jsonl")) as file:
            line = json.loads(file.readlines()[-1])
        self.assertEqual((line["origin"], line["status"], line["target"]),
                         (self.net + "1", 200, "/headers"))

    def test_wrong_requests(self):
        host = b"Host: app.example.test\r\n"
        for status, data in (
                (400, b"nonsense\r\n\r\n"), (400, b"GET / HTTP/1.1\r\n\r\n"),
                (505, b"GET / HTTP/2.0\r\n" + host + b"\r\n"),
                (400, b"GET / HTTP/1.1\r\n" + host + host + b"\r\n"),
                (400, b"GET / HTTP/1.1\r\n" + host + b"Bad Name: x\r\n\r\n"),
                (400, b"GET / HTTP/1.1\r\n" + host + b"X: a\r\n folded\r\n\r\n"),
                (400, b"POST / HTTP/1.1\r\n" + host +
                 b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                (400, b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
                (501, b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\n"),
                (400, b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
                (431, b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 70000 + b"\r\n\r\n"),
                (431, b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 200 + b"\r\n"),
                (403, b"GET / HTTP/1.1\r\n" + host + b"CDN-Loop: cloudflare\r\n\r\n")):
            self.assertEqual(self.raw(data)[:12], b"HTTP/1.1 %d" % status, data[:200])
        two = b"GET / HTTP/1.1\r\n" + host + b"\r\n"
        self.assertEqual(self.raw(two * 5).count(b"origin1"), 5)
        self.assertIn(b"origin1", self.raw(b"GET / HTTP/1.0\r\n" + host + b"\r\n"))

    def test_slow_clients(self):
        with contextlib.ExitStack() as stack:
            for number in range(300):
                sock = stack.enter_context(
                    socket.create_connection(("127.0.0.1", self.lab.edge_port), 20))
                if number % 3:
                    sock.sendall(b"GET /big HTTP/1.1\r\nHost: app.example" +
                                 (b".test\r\n\r\n" if number % 30 == 1 else b""))
            begun = time.monotonic()
            with self.edge() as kept:
                for _ in range(100):
                    self.assertEqual(self.ask(connection=kept)[:2], (200, b"origin1"))
            self.assertLess(time.monotonic() - begun, 20)

    def test_many_at_once(self):
        wrong = []

        def work():
            with self.edge() as kept:
                for _ in range(50):
                    if self.ask(connection=kept)[:2] not in ((200, b"origin1"), (200, b"origin2")):
                        wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(20)]
        for thread in threads:
            thread.start()
        for number in (2, 1, 2, 1):
            self.move(self.app, number)
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class DelayTest(EdgeCase):
    options = ["--edge-delay", "600000"]

    def test_delay(self):
        self.assertEqual(self.ask()[0], 409)
        self.lab.kill()
        self.lab.options[-1] = "200"
        self.lab.start()
        self.assertEqual(self.ask()[:2], (200, b"origin1"))
        self.move(self.app, 2)
        end = time.monotonic() + 20
        while self.ask()[1] != b"origin2" and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.ask()[1], b"origin2")


if __name__ == "__main__":
    sys.exit(lablib.main())
