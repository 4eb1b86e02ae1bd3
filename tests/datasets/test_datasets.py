"""Loaders: what they return, where they look, and that no bad file is ever used or left."""

import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from tinyframe.datasets import digits, mnist
from tinyframe.datasets import mnist as mnist_function
from tinyframe.datasets.download import CorruptFileError, Expected, download
from tinyframe.datasets.mnist import _read, cache_folder

mnist_module = __import__("sys").modules[mnist_function.__module__]


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


RNG = np.random.default_rng(0)
TINY = {
    "train-images-idx3-ubyte": idx(RNG.integers(0, 256, (5, 28, 28))),
    "train-labels-idx1-ubyte": idx(np.arange(5)),
    "t10k-images-idx3-ubyte": idx(RNG.integers(0, 256, (2, 28, 28))),
    "t10k-labels-idx1-ubyte": idx(np.arange(2)),
}
NAME = "train-labels-idx1-ubyte"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A world in which MNIST is tiny, nothing is on disk, and no mirror is real."""
    expected = {n: Expected(len(c), hashlib.sha256(c).hexdigest()) for n, c in TINY.items()}
    monkeypatch.setattr(mnist_module, "FILES", expected)
    monkeypatch.setattr(mnist_module, "MIRRORS", ())
    monkeypatch.delenv("TINYFRAME_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def serve(monkeypatch):
    """Start loopback servers: each answers a request for a file with what `answer` returns."""
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self, self.path.rsplit("/", 1)[-1].removesuffix(".gz"))

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(mnist_module, "MIRRORS", (*mnist_module.MIRRORS, url))
        return url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def send(handler, body, length=None):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def good(handler, name):
    send(handler, gzip.compress(TINY[name]))


def truncated(handler, name):
    send(handler, gzip.compress(TINY[name])[:-9], len(gzip.compress(TINY[name])))


def truncated_and_sure(handler, name):
    send(handler, gzip.compress(TINY[name])[:-9])


def wrong(handler, name):
    send(handler, gzip.compress(bytes(len(TINY[name]))))


def not_gzip(handler, name):  # as a login page would be
    send(handler, b"<html>Please log in</html>")


def missing(handler, name):
    handler.send_error(404)


def bomb(handler, name):
    send(handler, gzip.compress(bytes(10_000_000)))


def endless(handler, name):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass


def slow(handler, name):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(50):
            handler.wfile.write(b"\x1f")
            time.sleep(0.1)
    except OSError:
        pass


def assert_tiny(data):
    (X, y), (X_test, y_test) = data
    assert X.shape == (5, 28, 28)
    assert (X.dtype, y.dtype) == (np.uint8, np.int64)
    assert X.flags.writeable
    assert idx(X) == TINY["train-images-idx3-ubyte"]
    assert y.tolist() == [0, 1, 2, 3, 4]
    assert idx(X_test) == TINY["t10k-images-idx3-ubyte"]
    assert y_test.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("system", "folder"),
    [
        ("linux", "cache/tinyframe"),
        ("darwin", "Library/Caches/tinyframe"),
        ("win32", "cache/tinyframe"),
    ],
)
def test_where_each_system_keeps_what_was_downloaded(tiny, monkeypatch, system, folder):
    monkeypatch.setattr(mnist_module.sys, "platform", system)
    assert cache_folder() == tiny / folder / "mnist"


def test_a_download_is_kept_for_the_next_time(tiny, serve, monkeypatch):
    serve(good)
    assert_tiny(mnist())
    assert sorted(p.name for p in cache_folder().iterdir()) == sorted(f"{n}.gz" for n in TINY)
    monkeypatch.setattr(mnist_module, "MIRRORS", ())
    assert_tiny(mnist())


@pytest.mark.parametrize("subfolder", ["mnist", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_are_found_in_the_folder_of_the_environment(tiny, monkeypatch, subfolder, suffix):
    monkeypatch.setenv("TINYFRAME_DATA", str(tiny / "data"))
    folder = tiny / "data" / subfolder
    folder.mkdir(parents=True)
    for name, content in TINY.items():
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    assert_tiny(mnist())


def test_a_bad_file_of_the_users_is_named_and_left_alone(tiny, serve, monkeypatch):
    serve(good)
    monkeypatch.setenv("TINYFRAME_DATA", str(tiny))
    path = tiny / NAME
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match=f"{NAME} expected 13 bytes decompressed, got 4"):
        mnist()
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b"other"), gzip.compress(TINY[NAME])[:-4], gzip.compress(bytes(13))],
    ids=["empty", "other", "truncated", "wrong"],
)
def test_a_bad_file_in_the_cache_is_replaced(tiny, serve, content):
    cache_folder().mkdir(parents=True)
    path = cache_folder() / f"{NAME}.gz"
    path.write_bytes(content)
    serve(good)
    assert_tiny(mnist())
    assert gzip.decompress(path.read_bytes()) == TINY[NAME]


def test_a_bad_file_in_the_cache_does_not_stay_when_offline(tiny):
    cache_folder().mkdir(parents=True)
    for name in TINY:
        (cache_folder() / f"{name}.gz").write_bytes(b"half")
    with pytest.raises(OSError, match="MNIST is not in"):
        mnist()
    assert not (cache_folder() / "train-images-idx3-ubyte.gz").exists()


def test_offline_names_the_folder_and_the_files(tiny):
    with pytest.raises(OSError, match="could not be downloaded") as error:
        mnist()
    for part in (str(cache_folder()), "TINYFRAME_DATA", *(f"{name}.gz" for name in TINY)):
        assert part in str(error.value)


BAD_SERVERS = {
    truncated: "delivered|promised|IncompleteRead|bytes",
    truncated_and_sure: "damaged: Compressed file ended",
    wrong: "expected sha256",
    not_gzip: "expected .* bytes decompressed",
    missing: "404",
    bomb: "got more than",
    endless: "more than .* bytes",
    slow: "only .* bytes in time|timed out",
}


@pytest.mark.parametrize("answer", BAD_SERVERS, ids=lambda answer: answer.__name__)
def test_a_bad_download_leaves_nothing(tiny, serve, answer):
    serve(answer)
    began = time.monotonic()
    with pytest.raises(OSError, match=BAD_SERVERS[answer]):
        mnist(timeout=1.0)
    assert time.monotonic() - began < 10
    assert list(cache_folder().iterdir()) == []


@pytest.mark.parametrize("answer", [truncated, wrong, missing, not_gzip], ids=lambda a: a.__name__)
def test_the_next_mirror_helps_out(tiny, serve, answer):
    serve(answer)
    serve(good)
    assert_tiny(mnist())


def test_a_bad_download_leaves_an_older_good_file(tiny, serve):
    path = tiny / "file.gz"
    path.write_bytes(b"older")
    url = serve(wrong)
    with pytest.raises(OSError, match="sha256"):
        download([url + NAME], path, _read, mnist_module.FILES[NAME], time.monotonic() + 5)
    assert path.read_bytes() == b"older"
    assert [p.name for p in tiny.iterdir() if p.name.endswith(".part")] == []


def test_a_corrupt_file_is_a_value_error():
    assert issubclass(CorruptFileError, ValueError)


def test_real_mnist_is_what_it_should_be(real_mnist):
    (X, y), (X_test, y_test) = real_mnist
    assert X.shape == (60000, 28, 28)
    assert X_test.shape == (10000, 28, 28)
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_digits_are_all_there():
    (X, y), (X_test, y_test) = digits()
    assert (X.shape, X_test.shape) == ((1438, 8, 8), (359, 8, 8))
    assert (X.dtype, y.dtype, X.max()) == (np.uint8, np.int64, 16)
    everything = np.empty((1797, 8, 8), np.uint8)
    labels = np.empty(1797, np.uint8)
    test = np.arange(1797) % 5 == 4
    everything[test], everything[~test], labels[test], labels[~test] = X_test, X, y_test, y
    digest = hashlib.sha256(everything.tobytes() + labels.tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_enlarged_digits_have_the_form_of_mnist():
    (X, _), _ = digits(size=28)
    assert X.shape == (1438, 28, 28)
    assert X.dtype == np.uint8
    assert X.max() > 240
    assert not X[:, :4].any()
    assert not X[:, :, -4:].any()
    small = digits()[0][0]
    # The picture is the same: shrunk again to 8×8 by averages, it looks like the original.
    back = X[:, 4:24, 4:24].reshape(-1, 4, 5, 4, 5).mean(axis=(2, 4))
    coarse = small.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)) * 255 / 16
    assert np.corrcoef(back.ravel(), coarse.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("size", [0, 16, "8", None])
def test_digits_of_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="size expected 8 or 28"):
        digits(size=size)
