"""A real nginx in front of Paddock, with TLS, as an owner would set it up."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

import httpx

from tests.conftest import CERTIFICATE
from tests.page.app_process import START_TIMEOUT, free_port

# docs/hosting.md shows the same block.
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        client_max_body_size 64m;
        location {path} {{
            proxy_pass http://127.0.0.1:{target};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


class NginxProxy:
    """nginx in a process of its own: it passes what comes below ``path`` to a port of this machine."""

    def __init__(self, folder: Path, target: int, path: str) -> None:
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if program is None:
            raise RuntimeError("This test needs nginx. Debian: apt install nginx")
        self.port = free_port()
        self._log = folder / "error.log"
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder, port=self.port, certificate=CERTIFICATE, path=path, target=target
            )
        )
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-e", str(self._log), "-c", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> NginxProxy:
        until = time.monotonic() + START_TIMEOUT
        while True:
            try:
                httpx.get(f"https://127.0.0.1:{self.port}/", verify=False)
            except httpx.TransportError:
                if self._process.poll() is not None or time.monotonic() > until:
                    self._process.kill()
                    raise RuntimeError(f"nginx did not come up: {self._log.read_text()}") from None
                time.sleep(0.05)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(15)
