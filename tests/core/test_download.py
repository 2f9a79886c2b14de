"""Downloads from a server in this process: resumed, checked, several mirrors, errors."""

import hashlib
import http.server
import threading

import pytest

import taeda.hub as hub
from taeda._download import DownloadError, download

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves CONTENT at /file; other paths misbehave in the way of their name."""

    def __init__(self):
        self.requests = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests.append((self.path, self.headers.get("Range")))
                getattr(owner, "serve_" + self.path.strip("/").partition(".")[0], owner.serve_missing)(self)

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _send(handler, status, content, **headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    def serve_file(self, handler):
        wanted = handler.headers.get("Range")
        if wanted is None:
            self._send(handler, 200, CONTENT, Content_Length=len(CONTENT))
            return
        begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(CONTENT):
            self._send(handler, 416, b"")
            return
        part = CONTENT[begin:]
        range_ = f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"
        self._send(handler, 206, part, Content_Length=len(part), Content_Range=range_)

    def serve_norange(self, handler):
        self._send(handler, 200, CONTENT, Content_Length=len(CONTENT))

    def serve_cut(self, handler):
        self._send(handler, 200, CONTENT[:1000], Content_Length=len(CONTENT))

    def serve_html(self, handler):
        self._send(handler, 200, b"<html>please log in</html>")

    def serve_busy(self, handler):
        self._send(handler, 503, b"")

    def serve_missing(self, handler):
        self._send(handler, 404, b"")


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


def test_a_file_arrives_complete(server, tmp_path, capsys):
    target = tmp_path / "folder" / "a.bin"
    download(server.url("file"), target, sha256=SHA256)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]
    assert "a.bin: 1.3 of 1.3 MB (100 %)" in capsys.readouterr().err


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path, capsys):
    target = tmp_path / "a.bin"
    target.write_bytes(CONTENT)
    download(server.url("file"), target, sha256=SHA256[:12])
    assert server.requests == []
    assert capsys.readouterr().err == ""
    target.write_bytes(b"damaged")
    download(server.url("file"), target, sha256=SHA256, progress=False)
    assert target.read_bytes() == CONTENT


def test_an_interrupted_download_is_continued(server, tmp_path):
    target = tmp_path / "a.bin"
    with pytest.raises(DownloadError, match=r"(Incomplete|the connection ended after 1000 of 1280000 bytes)"):
        download(server.url("cut"), target, sha256=SHA256, progress=False)
    assert (tmp_path / "a.bin.part").stat().st_size == 1000
    server.requests.clear()
    download(server.url("file"), target, sha256=SHA256, progress=False)
    assert server.requests == [("/file", "bytes=1000-")]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "have"), [("norange", 1000), ("file", len(CONTENT)), ("file", len(CONTENT) + 5)]
)
def test_servers_that_cannot_continue_start_again(server, tmp_path, path, have):
    (tmp_path / "a.bin.part").write_bytes(b"?" * have)
    download(server.url(path), tmp_path / "a.bin", sha256=SHA256, progress=False)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_wrong_part_is_thrown_away(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(b"?" * 1000)
    urls = [server.url("file"), server.url("file.mirror")]
    download(urls, tmp_path / "a.bin", sha256=SHA256, progress=False)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_mirrors_are_tried_in_turn(server, tmp_path):
    urls = [server.url("missing"), server.url("html"), server.url("busy"), server.url("file")]
    download(urls, tmp_path / "a.bin", sha256=SHA256, progress=False)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/missing", "/html", "/busy", "/busy", "/file"]


def test_failure_tells_everything(server, tmp_path):
    target = tmp_path / "weights.pth"
    urls = [server.url("missing"), server.url("html")]
    with pytest.raises(DownloadError) as caught:
        download(urls, target, sha256=SHA256, progress=False)
    text = str(caught.value)
    assert "could not fetch weights.pth" in text
    assert f"{urls[0]}: HTTP 404 Not Found" in text
    assert f'invalid hash value (expected "{SHA256}"' in text
    assert f"put it at\n  '{target}'.\n" in text
    assert f"its SHA-256 begins with {SHA256}" in text
    assert "https_proxy" in text
    assert list(tmp_path.iterdir()) == []


def test_without_a_network(tmp_path):
    with pytest.raises(
        DownloadError, match=r"(?s)127.0.0.1:1/x.*Connection refused.*Without a network, fetch the file"
    ):
        download("http://127.0.0.1:1/x", tmp_path / "x", progress=False)


@pytest.mark.parametrize("sha256", ["abc", "g" * 64, "0" * 65])
def test_hashes_are_checked_beforehand(tmp_path, sha256):
    with pytest.raises(ValueError, match="sha256 must be 8 to 64 hexadecimal digits"):
        download("file:///nothing", tmp_path / "x", sha256=sha256)
    with pytest.raises(ValueError, match="at least one address"):
        download([], tmp_path / "x")


def test_hub_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "_folder", None)
    monkeypatch.delenv("TAEDA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert hub.get_dir() == str(tmp_path / "taeda" / "hub")
    monkeypatch.setenv("TAEDA_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == str(tmp_path / "home" / "hub")
    hub.set_dir(tmp_path / "mine")
    assert hub.get_dir() == str(tmp_path / "mine")


def test_state_dicts_from_addresses(tmp_path):
    import taeda
    from taeda.serialization import save

    source = tmp_path / "weights.pt"
    save({"w": taeda.ones(2)}, source)
    digits = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    named = source.rename(tmp_path / f"weights-{digits}.pt")
    found = hub.load_state_dict_from_url(named.as_uri(), tmp_path / "cache", check_hash=True, progress=False)
    assert found["w"].tolist() == [1, 1]
    named.unlink()
    assert hub.load_state_dict_from_url(named.as_uri(), tmp_path / "cache")["w"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="has no SHA-256 digits"):
        hub.load_state_dict_from_url("http://x/plain.pt", check_hash=True)
