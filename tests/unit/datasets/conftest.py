"""A web server on this machine that can be unreliable in the ways that real ones are."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked_range = self.server, self.headers.get("Range")
        server.ranges_asked.append(asked_range)
        data = server.files.get(self.path)
        if server.failures > 0:
            server.failures -= 1
            self.send_error(503)
        elif data is None:
            self.send_error(404)
        else:
            start = self.start_of(asked_range, data)
            if start is not None:
                self.send_part(data, start)

    def start_of(self, asked_range, data):
        if not (asked_range and self.server.supports_ranges):
            self.send_response(200)
            return 0
        start = int(asked_range.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        return start

    def send_part(self, data, start):
        server = self.server
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = start + server.breaks_after if server.breaks_after else len(data)
        self.wfile.write(data[start:end])
        if server.hangs_after_part:
            self.wfile.flush()
            server.may_go_on.wait(30)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """`.files` by path; `.failures` (503) come first; each answer breaks off `.breaks_after`
    bytes; `.ranges_asked` holds the Range header of every request."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.ranges_asked, server.failures = {}, [], 0
    server.supports_ranges, server.breaks_after = True, None
    server.hangs_after_part, server.may_go_on = False, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.may_go_on.set()
    server.shutdown()
    server.server_close()
