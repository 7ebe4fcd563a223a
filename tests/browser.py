"""Debian's Chromium and a JupyterLab of one's own, for tests and benchmarks that look at what a
user sees.
"""

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

import numpy as np
from helpers import clone

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


# Scripts that run in the page.
RUN = """async (cell) => {
    const app = window.jupyterapp, panel = app.shell.currentWidget, cells = panel.content.widgets;
    const last = cells.findIndex(c => c.model.sharedModel.getId() === cell);
    panel.content.activeCellIndex = last + 1;
    await app.commands.execute('notebook:run-all-above');
    const code = cells.slice(0, last + 1).map(c => c.model.sharedModel)
        .filter(m => m.cell_type === 'code');
    for (let n = 0; n < 1200 && code.some(m => m.execution_count == null); n++)
        await new Promise(r => setTimeout(r, 100));
    return code.flatMap(
        m => m.outputs.filter(o => o.output_type === 'error').map(o => o.evalue));
}"""
ASK = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    let out = '';
    const future = kernel.requestExecute({code, store_history: false});
    future.onIOPub = m => { out += m.content.text ?? m.content.evalue ?? ''; };
    await future.done;
    return out.trim();
}"""
LAST_FIGURE = "[...document.querySelectorAll('.js-plotly-plot')].at(-1)"
HAS_LAYER = f"(name) => {LAST_FIGURE}?.data?.some(t => t.name === name)"
LAYER = f"""(name) => {{
    const trace = {LAST_FIGURE}.data.find(t => t.name === name);
    return ['x', 'y', 'z'].filter(a => trace[a])
        .map(a => Array.from(trace[a], v => Number.isFinite(v) ? v : null));
}}"""


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
    log = scratch / "lab.log"
    with open(log, "wb") as file:
        server = subprocess.Popen(
            _lab_command(root, port, token),
            env={**os.environ, **_lab_settings(scratch), **environment},
            stdout=file,
            stderr=file,
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


def _lab_command(root: Path, port: int, token: str) -> list[str]:
    lab = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    return [
        *lab,
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}",
        "--expose-app-in-browser",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
    ]


def _lab_settings(scratch: Path) -> dict[str, str]:
    """Environment variables of a server that keeps all its files in scratch and asks no news."""
    names = (
        "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
    )  # fmt: skip
    homes = {name: str(scratch / name.lower()) for name in names}
    quiet = Path(homes["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    return homes


def open_notebook(page, address: str, token: str, path: str) -> None:
    """Open a notebook, a path below the server's folder, and wait until its kernel is there."""
    page.goto(f"{address}/lab/tree/{path}?token={token}&reset", wait_until="domcontentloaded")
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === "
        "'idle'",
        timeout=90_000,
    )


@contextlib.contextmanager
def notebook_in_jupyterlab(tmp_path, name, cell, *, height):
    """A page with a notebook of a fresh clone in fast mode, run up to a cell; at the end nothing
    may have gone wrong in the console.
    """
    root, problems = clone(tmp_path / "clone"), []
    scratch = tmp_path / "lab"
    scratch.mkdir()
    environment = {
        "DRPOSE_FAST": "1",
        "PYTHONPATH": str(root),
        "DRPOSE_SOURCE": "",
        "DRPOSE_DATA": "",
    }
    with (
        jupyter_lab(root, scratch, **environment) as (address, token),
        watched_page(problems, height=height) as page,
    ):
        open_notebook(page, address, token, f"notebooks/{name}.ipynb")
        run_until(page, cell)
        yield page
    shutil.rmtree(scratch)
    assert not problems, problems[:5]


def run_until(page, cell: str) -> None:
    """Run the cells up to the one with that id, as shift-enter does; no cell may fail."""
    errors = page.evaluate(RUN, cell)
    assert errors == [], errors


def ask(page, code: str) -> str:
    """What code prints in the notebook's kernel."""
    return page.evaluate(ASK, code)


def layer(page, name: str) -> np.ndarray:
    """Data of a trace of the last figure on the page, as the browser holds it: (axes, points).

    Waits for the trace: a figure stands on the page before its data.
    """
    page.wait_for_function(HAS_LAYER, arg=name, timeout=60_000)
    return np.array(page.evaluate(LAYER, name), dtype=float)
