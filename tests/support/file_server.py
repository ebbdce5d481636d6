"""A web server for tests: Range, ETag, connections that break off, wrong answers."""

import http.server
import threading
from contextlib import contextmanager


class FileServer(http.server.ThreadingHTTPServer):
    """Serves ``content`` at any path ending in its name; ``breaks`` says after how many bytes each answer ends."""

    daemon_threads = True

    def __init__(self, content, *, breaks=(), etag='"one"', ranges=True, statuses=()):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.breaks, self.etag, self.ranges = content, list(breaks), etag, ranges
        self.statuses = list(statuses)
        self.requests = []

    def address(self, name="model.tar.gz"):
        return f"http://127.0.0.1:{self.server_port}/folder/{name}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requests.append(asked)
        if server.statuses and (status := server.statuses.pop(0)) != 200:
            self.send_error(status)
            return
        content, start = server.content, 0
        if asked and server.ranges and self.headers.get("If-Range") == server.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        if server.breaks:
            self.wfile.write(body[: server.breaks.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


@contextmanager
def serving(content, **settings):
    server = FileServer(content, **settings)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
