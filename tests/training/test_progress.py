"""What training shows: a live bar on a terminal, plain lines in a pipe, a widget in a notebook."""

import os
import re
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from needs import needs

from tinyframe import Dense, ProgressBar, Sequential, Softmax
from tinyframe.datasets.download import _fetch
from tinyframe.utils import progress

SCRIPT = """
import time, sys
import numpy as np
from tinyframe import Callback, Dense, Sequential, Softmax

class Slow(Callback):
    def on_batch_end(self, run):
        time.sleep(0.05)

rng = np.random.default_rng(0)
model = Sequential([Dense(5, 3), Softmax()])
model.fit(rng.random((160, 5)), rng.integers(0, 3, 160), epochs=2, callbacks=[Slow()], {options})
"""

PREDICT = """
import time
import numpy as np
from tinyframe import Layer, Sequential
from tinyframe.utils import progress

class Slow(Layer):
    def forward(self, x, training=False):
        time.sleep(0.02)
        return x

    def backward(self, dy):
        return dy

progress.PATIENCE = 0.05
model = Sequential([Slow()])
model.build(3)
{call}
"""

LINE = r"epoch \d/2  loss \d\.\d{4}  accuracy \d\.\d{4}  \d\.\d\d s"


def in_a_terminal(script, columns=100):
    """Run a script with a pseudo-terminal as its standard output; return all it wrote there."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
    termios = pytest.importorskip("termios", reason="pseudo-terminals are POSIX's")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=theirs, stderr=theirs, stdin=theirs,
        env={k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    written = b""
    try:
        while part := os.read(ours, 65536):
            written += part
    except OSError:  # Linux's way to say that nobody writes any more
        pass
    os.close(ours)
    assert process.wait(60) == 0, written.decode()
    return written.decode()


def on_screen(out, columns):
    """The lines that stay on a terminal, each as wide as it is; one that wraps is an error."""
    lines, line, at = [], [], 0
    for character in re.sub("\x1b\\[[0-9;]*[A-Za-z]", "", out):
        if character == "\n":
            lines.append("".join(line).rstrip())
            line, at = [], 0
        elif character == "\r":
            at = 0
        else:
            line[at : at + 1] = character
            at += 1
            assert at <= columns, "".join(line)
    return [shown for shown in (*lines, "".join(line).rstrip()) if shown]


def in_a_pipe(script):
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stderr == ""
    return run.stdout


def test_a_pipe_gets_one_plain_line_an_epoch():
    out = in_a_pipe(SCRIPT.format(options=""))
    assert "\r" not in out
    assert re.fullmatch(f"{LINE}\n{LINE}\n", out)


def test_a_terminal_gets_a_live_bar_and_keeps_the_lines():
    needs("tqdm")
    out = in_a_terminal(SCRIPT.format(options=""))
    assert "\r" in out
    bars = re.findall(r"epoch 1/2 +(\d+)%\|.*?\| (\d)/5  \d\d:\d\d left, loss \d\.\d{4}", out)
    assert len({done for _, done in bars}) >= 2, out
    left = re.sub(r"[^\n]*\r(?=[^\n])", "", out.replace("\r\n", "\n"))  # what is overwritten
    assert re.fullmatch(rf"\s*({LINE})\s*\n\s*({LINE})\s*", left.replace("\r", "")), repr(left)


VALIDATED = SCRIPT.replace("epochs=2", "epochs=2, validation_data=(np.ones((4, 5)), [0, 1, 2, 0])")


@pytest.mark.parametrize("columns", [40, 50, 60, 70, 100, 160])
def test_lines_fit_the_terminal_and_keep_every_figure(columns):
    needs("tqdm")
    out = in_a_terminal(VALIDATED.format(options="rng=0"), columns)
    text = "\n".join(on_screen(out.replace("\r\n", "\n"), columns))
    assert len(re.findall(r"\b\d\.\d{4}\b", text)) == 8, text  # four figures an epoch
    assert text.count("epoch") == 2
    bars = re.findall(r"epoch 2/2 +\d+%\|[^\r]*", out)
    assert bars
    assert any(re.search(r"loss \d\.\d{4}$", bar.rstrip()) for bar in bars), bars


def test_an_interrupt_leaves_clean_lines():
    needs("tqdm")
    script = SCRIPT.format(options="rng=0").replace(
        "import time, sys\n",
        "import signal, time, sys\n"  # a job in the background would ignore it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n",
    )
    script = script.replace(
        "        time.sleep(0.05)\n",
        "        time.sleep(0.05)\n"
        "        if run.epoch == 2 and run.batch == 3:\n"
        "            sys.stdout.write('^C')  # as a terminal does\n"
        "            sys.stdout.flush(); signal.raise_signal(signal.SIGINT)\n",
    )
    lines = on_screen(in_a_terminal(script, 70).replace("\r\n", "\n"), 70)
    assert re.fullmatch(LINE, lines[0])
    assert lines[1:] == ["stopped after epoch 2, batch 3: interrupted"]


def test_a_terminal_without_tqdm_is_told_of_it_once():
    script = "import sys; sys.modules['tqdm'] = None\n" + SCRIPT.format(options="rng=0")
    lines = on_screen(in_a_terminal(script + script).replace("\r\n", "\n"), 100)
    hint = 'For a live bar: pip install "tinyframe[progress]"'
    assert [line == hint for line in lines] == [True, False, False, False, False]
    assert hint not in in_a_pipe(script)


def test_a_terminal_gets_plain_lines_on_request():
    script = "import sys; sys.modules['tqdm'] = None\n" + SCRIPT.format(options="verbose=2")
    out = in_a_terminal(script)  # without tqdm, which nobody has asked for here
    assert re.fullmatch(rf"{LINE}\r\n{LINE}\r\n", out), repr(out)


def test_silent_is_silent_everywhere():
    assert in_a_terminal(SCRIPT.format(options="verbose=0")) == ""
    assert in_a_pipe(SCRIPT.format(options="verbose=False")) == ""


@pytest.mark.parametrize("call", ["model.predict(X)", "model.evaluate(X, X)"])
def test_long_calls_show_a_bar_on_a_terminal_alone(call):
    needs("tqdm")
    what = call.partition("(")[0].partition(".")[2]
    script = PREDICT.format(call="X = np.zeros((20_000, 3)); " + call)
    out = in_a_terminal(script)
    assert re.search(rf"{what}: +\d+%\|.*/20", out), repr(out)
    assert in_a_pipe(script) == ""
    assert in_a_terminal(script.replace("X)", "X, verbose=0)", 1)) == ""


class Stub:
    """Stands in for tqdm's class, and notes what it is told."""

    def __init__(self, **options):
        self.options, self.done, self.closed = options, options.get("initial", 0), False

    def update(self, units):
        self.done += units

    def close(self):
        self.closed = True


@pytest.fixture
def made(monkeypatch):
    """The bars that were drawn, on a terminal with tqdm, whether it is installed or not."""
    bars = []

    def draw(**options):
        bars.append(Stub(**options))
        return bars[-1]

    monkeypatch.setattr(progress, "is_live", lambda: True)
    monkeypatch.setattr(progress, "find_spec", lambda name: True)
    monkeypatch.setattr(progress, "tqdm_class", lambda: draw)
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    return bars


def test_tracking_counts_units_and_closes_the_bar(made):
    chunks = [b"abc", b"de", b"f"]
    assert list(progress.track(chunks, 6, "a file", "B", measure=len)) == chunks
    (bar,) = made
    assert (bar.done, bar.closed, bar.options["total"], bar.options["unit"]) == (6, True, 6, "B")


def test_a_download_shows_its_bytes(made, tmp_path):
    source = tmp_path / "file.gz"
    source.write_bytes(bytes(200_000))
    parts = []
    _fetch(source.as_uri(), parts.append, 10**6, time.monotonic() + 10)
    (bar,) = made
    assert len(b"".join(parts)) == bar.done == bar.options["total"] == 200_000
    assert bar.options["desc"] == "file.gz"


def test_a_notebook_gets_its_widget(monkeypatch):
    class ZMQInteractiveShell:
        pass

    fake = types.SimpleNamespace(get_ipython=ZMQInteractiveShell)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    asked = []
    monkeypatch.setattr(progress, "find_spec", lambda name: True)
    monkeypatch.setattr(
        progress, "require", lambda *names: asked.append(names[0]) or types.SimpleNamespace(tqdm=1)
    )
    assert progress.is_live()
    assert progress.tqdm_class() == 1
    assert asked == ["tqdm.notebook"]


def test_a_bar_without_its_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    model = Sequential([Dense(2, 2), Softmax()])
    with pytest.raises(ImportError, match=r'a progress bar needs tqdm: .*"tinyframe\[progress\]"'):
        model.fit(np.ones((4, 2)), [0, 1, 0, 1], callbacks=[ProgressBar()], verbose=0)
