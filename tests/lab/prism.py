"""Prism as a second judge: what was recorded goes through `prism proxy --errors` once more.

Behind it stands a server that answers as was recorded. Prism turns away a request that breaks the
description, and an answer that does.
"""
import http.client
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading

import lablib

PACKAGE = "@stoplight/prism-cli@5.16.0"
HEADER = "X-Drorch-Exchange"
INSTALL_SECONDS = 180
START_SECONDS = 60
LEFT_OUT = ("content-length", "transfer-encoding", "connection")


class Replay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        exchange = self.server.exchanges[int(self.headers[HEADER])]
        self.send_response(exchange.status)
        for name, value in exchange.reply_headers.items():
            if name.lower() not in LEFT_OUT:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(exchange.reply)))
        self.end_headers()
        self.wfile.write(exchange.reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

    def log_message(self, *_):
        pass


def install(folder):
    """The program, or None and why not."""
    node, npm = lablib.find_program("node"), lablib.find_program("npm")
    if not node or not npm:
        return None, "node and npm are not installed"
    try:
        done = subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent", PACKAGE], cwd=folder,
                              capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return None, "npm does not answer"
    if done.returncode != 0:
        return None, "npm cannot install it: " + done.stderr[-300:]
    return [node, os.path.join(folder, "node_modules/@stoplight/prism-cli/dist/index.js")], None


def start(command, description, upstream):
    """The process, and the port that it chose."""
    process = subprocess.Popen(command + ["proxy", "--errors", "-h", "127.0.0.1", "-p", "0", description, upstream],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    said = ""
    for line in process.stdout:
        said += line
        found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
        if found:
            timer.cancel()
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, int(found.group(1))
    timer.cancel()
    process.wait()
    raise RuntimeError("Prism does not start: " + said[-2000:])


def ask(port, prefix, number, exchange):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {name: value for name, value in exchange.headers.items() if name.lower() not in LEFT_OUT}
    headers[HEADER] = str(number)
    connection.request(exchange.method, exchange.target[len(prefix):], exchange.body, headers)
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    connection.close()
    return response.status, text


def problems_of(exchange, status, text):
    if "stoplight.io/prism/errors" not in text:
        return []
    answer = json.loads(text)
    if status == 422 and not 200 <= exchange.status <= 299:
        return []  # it was refused: it may have been wrong on purpose
    found = ["%s: %s" % ("/".join(map(str, one.get("location", []))), one.get("message", one))
             for one in answer.get("validation", [])]
    return ["%s %s: %s" % (exchange.method, exchange.target.partition("?")[0], one)
            for one in found or [answer.get("detail") or answer.get("title")]]


def judge(referee, exchanges):
    """Every way in which they break the description, and how many were looked at; None and why not."""
    with tempfile.TemporaryDirectory(prefix="drorch-prism-") as folder:
        command, why = install(folder)
        if not command:
            return None, why
        description = os.path.join(folder, referee.vendor + ".json")
        with open(description, "w") as file:
            json.dump(referee.description, file)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Replay)
        server.daemon_threads = True
        server.exchanges = exchanges
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        process, problems, seen = None, [], 0
        try:
            process, port = start(command, description, "http://127.0.0.1:%d" % server.server_address[1])
            for number, exchange in enumerate(exchanges):
                if not exchange.status or referee.is_outside(exchange.target.partition("?")[0]):
                    continue
                problems += problems_of(exchange, *ask(port, referee.prefix, number, exchange))
                seen += 1
        finally:
            if process:
                process.kill()
                process.wait()
            server.shutdown()
            thread.join()
            server.server_close()
    return problems, seen
