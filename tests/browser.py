"""Debian's Chromium and a JupyterLab of one's own, for tests that look at what a user sees."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
NO_BROWSER = "no chromium here: apt-get install chromium, to test the pages in a browser"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


@contextlib.contextmanager
def watched_page(problems: list[str], *, width: int = 1280, height: int = 900):
    """A page whose errors, and requests to other machines, are added to problems."""
    from playwright.sync_api import sync_playwright

    def request(sent):
        if sent.url.startswith("http") and "127.0.0.1" not in sent.url:
            problems.append(f"request: {sent.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"console: {message.text}") if message.type == "error" else None
            ),
        )
        page.on("request", request)
        yield page
        browser.close()


@contextlib.contextmanager
def jupyter_lab(root: Path, scratch: Path, **environment: str):
    """A JupyterLab over the folder root, on 127.0.0.1 with a token, its settings in scratch; gives
    (address, token).
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, address = secrets.token_hex(16), f"http://127.0.0.1:{port}"
    homes = {
        name: str(scratch / name.lower())
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    homes |= {
        name: str(scratch / name.lower())
        for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    quiet = Path(homes["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
    ]
    command += [
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}",
        "--expose-app-in-browser",
    ]
    command += [
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
    ]
    log = scratch / "lab.log"
    with open(log, "wb") as file:
        server = subprocess.Popen(
            command, env={**os.environ, **homes, **environment}, stdout=file, stderr=file
        )
    headers = {"Authorization": f"token {token}"}
    try:
        for _ in range(600):
            if server.poll() is not None:
                raise RuntimeError(f"JupyterLab did not start: {log.read_text()[-2000:]}")
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(
                    urllib.request.Request(f"{address}/api/status", headers=headers)
                ),
            ):
                break
            time.sleep(0.1)
        yield address, token
    finally:
        with contextlib.suppress(OSError):  # ends its kernels too
            urllib.request.urlopen(
                urllib.request.Request(f"{address}/api/shutdown", method="POST", headers=headers)
            ).close()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.terminate()
            server.wait()
