"""A registry for clients that pull their image whatever is here: it says that its image is the one that is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from docker_engine import docker, inspect

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIGURATION = "application/vnd.docker.container.image.v1+json"


@contextlib.contextmanager
def registry_of(image: str) -> Iterator[str]:
    """Serve the manifest of an image that the engine has; give the name by which it can be pulled.

    The engine compares the digest of the configuration, which is an image's id, and then pulls no layer.
    """
    configuration = {"mediaType": CONFIGURATION, "size": 1, "digest": inspect(image)["Id"]}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": configuration, "layers": []}).encode()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(manifest))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = f"127.0.0.1:{server.server_address[1]}/fraud-detect:latest"
    try:
        yield name
    finally:
        server.shutdown()
        server.server_close()
        docker("rmi", "--force", name)  # a stopped container may still refer to it


def _handler(manifest: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            asked = "/manifests/" in self.path
            body = manifest if asked else b"{}"
            self.send_response(200)
            self.send_header("Content-Type", MANIFEST if asked else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_GET = do_HEAD = answer  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:
            """Say nothing: pytest shows what was seen."""

    return Handler
