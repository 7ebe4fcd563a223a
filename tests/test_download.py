"""The CMU downloader against a local server that breaks off, resumes, lies and lacks things."""

import http.server
import threading

import pytest
import tiny_cmu

from drpose_core.sources.cmu_download import download_cmu


class Site(http.server.BaseHTTPRequestHandler):
    """Serves a folder with Range support; the first `breaks` answers of a file stop half way."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        path = self.server.folder / self.path.lstrip("/")
        if self.server.trouble == "garbage":
            return self.wfile.write(b"what?\r\n\r\n")
        if self.server.trouble:
            self.send_response(206 if self.server.trouble == "wrong part" else 200)
            self.send_header("Content-Range", "bytes 0-9/10")
            self.end_headers()
            return self.wfile.write(b"0123456789")
        if self.path in self.server.errors:
            return self.send_error(self.server.errors[self.path])
        if not path.is_file():
            return self.send_error(404)
        body, start = path.read_bytes(), 0
        if (wanted := self.headers.get("Range")) and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        half = self.server.breaks.pop(self.path, None)
        self.wfile.write(body[start:][: len(body[start:]) // 2] if half else body[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    tiny_cmu.write_subject(folder, "07", takes=3)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.folder = folder
        server.asked = []
        server.breaks = {}
        server.errors = {}
        server.ranges = True
        server.trouble = None
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_subject_arrives_whole(site, tmp_path):
    files = download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert [f.name for f in files] == ["07.asf", "07_01.amc", "07_02.amc", "07_03.amc"]
    assert contents(tmp_path / "cmu") == contents(site.folder)


def test_what_is_there_is_kept(site, tmp_path):
    download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    site.asked.clear()
    download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert not any(
        path.endswith(("07.asf", "_01.amc", "_02.amc", "_03.amc")) for path, _ in site.asked
    )


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_resumes(site, tmp_path, ranges):
    site.breaks, site.ranges = {"/07/07_02.amc": True}, ranges
    with pytest.raises(
        ConnectionError, match=r"07_02.amc broke off .*run the same command again, it resumes"
    ):
        download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert (
        not (tmp_path / "cmu/07/07_02.amc").exists()
        and (tmp_path / "cmu/07/07_02.amc.part").exists()
    )
    site.asked.clear()
    download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    have = len((site.folder / "07/07_02.amc").read_bytes()) // 2
    assert ("/07/07_02.amc", f"bytes={have}-") in site.asked
    # also where the server ignores Range and sends it all again
    assert contents(tmp_path / "cmu") == contents(site.folder)


def test_a_damaged_file_is_fetched_again(site, tmp_path):
    download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    damaged = tmp_path / "cmu/07/07_01.amc"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert contents(tmp_path / "cmu") == contents(site.folder)


@pytest.mark.parametrize("trouble", ["garbage", "no length", "wrong part"])
def test_a_site_that_breaks_the_rules(site, tmp_path, trouble):
    site.trouble = trouble
    if trouble == "wrong part":
        (tmp_path / "cmu/07").mkdir(parents=True)
        (tmp_path / "cmu/07/07.asf.part").write_bytes(b"half")
    with pytest.raises(
        ConnectionError,
        match=r"07.asf (broke off|does not say how long|answered with another part)",
    ):
        download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert not (tmp_path / "cmu/07/07.asf").exists()


def test_an_overlong_part_starts_anew(site, tmp_path):
    place = tmp_path / "cmu" / "07"
    place.mkdir(parents=True)
    (place / "07.asf.part").write_bytes(bytes(100_000))
    download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert contents(tmp_path / "cmu") == contents(site.folder)


def test_a_page_instead_of_motion_is_refused(site, tmp_path):
    (site.folder / "07/07_02.amc").write_text("<html>Please log in</html>")
    with pytest.raises(
        ValueError,
        match=r"07_02.amc is not what it should be: .* line 1: <html>Please .* does not fit",
    ):
        download_cmu(tmp_path / "cmu", ("07",), site=site.url)
    assert sorted(contents(tmp_path / "cmu")) == ["07.asf", "07_01.amc"]


def test_what_the_site_lacks_is_said(site, tmp_path):
    with pytest.raises(ValueError, match=r"the database has no subject 99"):
        download_cmu(tmp_path / "cmu", ("99",), site=site.url)
    assert not (tmp_path / "cmu").exists()
    (site.folder / "07/07_02.amc").unlink()  # a gap in the numbers is no end
    assert [f.name for f in download_cmu(tmp_path / "cmu", ("07",), site=site.url)] == [
        "07.asf",
        "07_01.amc",
        "07_03.amc",
    ]


def test_trouble_at_the_site_is_said(site, tmp_path):
    site.errors["/07/07_01.amc"] = 503
    with pytest.raises(ConnectionError, match=r"07_01.amc answered 503 .* try again later"):
        download_cmu(tmp_path / "cmu", ("07",), site=site.url)


@pytest.mark.parametrize("subjects", [(), ("7",), ("../etc",), ("02", "walk")])
def test_subjects_are_numbers(subjects, tmp_path):
    with pytest.raises(ValueError, match="subjects are numbers of two or three digits"):
        download_cmu(tmp_path / "cmu", subjects)
    assert not (tmp_path / "cmu").exists()


def test_no_site_at_all(tmp_path):
    with pytest.raises(ConnectionError, match="run the same command again"):
        download_cmu(tmp_path / "cmu", ("07",), site="http://127.0.0.1:9")
