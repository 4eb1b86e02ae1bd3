"""Training on several processes, under the real mpiexec: the same results, and no process waits."""

import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tinyframe import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Checkpoint,
    Dropout,
    Sequential,
    StorageError,
)
from tinyframe.storage.runs import read_run

try:
    from mpi_jobs import CHOICES, Centred, convolutional, data, network, state
except (ImportError, RuntimeError) as error:  # without mpi4py, or without an MPI for it
    pytest.skip(f"{error}: needs pip install --group test", allow_module_level=True)

SCRIPT = Path(__file__).parents[1] / "mpi_jobs.py"
BESIDE = Path(sys.executable).parent / "mpiexec"  # where pip puts it
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")

pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="needs mpiexec: pip install --group test")

PATIENCE = 30
"""Seconds after which a job that has lost a rank counts as hung."""


def started(ranks, job, folder, *arguments):
    command = [
        MPIEXEC,
        "-n",
        str(ranks),
        sys.executable,
        "-W",
        "error",
        "-m",
        "mpi4py",
        str(SCRIPT),
        job,
    ]
    return subprocess.Popen(
        [*command, str(folder), *map(str, arguments)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(process, timeout=120):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.terminate()  # mpiexec ends its ranks
        out, err = process.communicate()
        pytest.fail(f"no end after {timeout} s; {out} {err}")
    return process.returncode, out, err


def results(ranks, job, folder, *arguments):
    """What rank 0 wrote, a dict of arrays; what was printed is there as "out"."""
    code, out, err = finished(started(ranks, job, folder, *arguments))
    assert code == 0, err
    with np.load(folder / f"result-{ranks}.npz") as found:
        return {**found, "out": out}


def assert_close(a, b):
    np.testing.assert_allclose(a["state"], b["state"], rtol=0, atol=1e-5)
    for name in a:
        if name.startswith("history"):
            np.testing.assert_allclose(a[name], b[name], atol=1e-5, err_msg=name)


def write_shards(folder):
    X, y = data()
    for number, (start, stop) in enumerate([(0, 130), (130, 131), (131, 390), (390, 482)]):
        np.save(folder / f"x-{number}.npy", X[start:stop])
    np.save(folder / "y.npy", y[:482])


# ------------------------------------------------------------------ the same results


@pytest.mark.parametrize("job", ["arrays", "weights", "batch_norm", "whole", "shards"])
def test_any_number_of_ranks_trains_alike(job, tmp_path):
    write_shards(tmp_path)
    one, two, three = (results(ranks, job, tmp_path) for ranks in (1, 2, 3))
    assert two["alike"]
    assert three["alike"]
    assert_close(one, two)
    if job != "shards":  # which 3 ranks shuffle otherwise
        assert_close(one, three)


@pytest.mark.parametrize("kind", ["lbfgs", "squares"])
def test_iterations_over_the_rows_of_all_ranks(kind, tmp_path):
    """All ranks decide alike; a run of two goes on in three, and alone."""
    found = []
    for number, (ranks, stopped) in enumerate([(1, 0), (2, 0), (3, 0), (2, 3)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        if stopped:
            results(ranks, "all_rows", folder, kind, stopped)
        found.append(results(ranks, "all_rows", folder, kind))
        assert found[-1]["alike"]
    one, two, three, resumed = found
    for name in ("history loss", "history val_loss", "history accuracy"):
        for other in (two, three):
            np.testing.assert_allclose(other[name][:5], one[name][:5], rtol=1e-3, err_msg=name)
        np.testing.assert_array_equal(resumed[name], two[name])
    assert resumed["state"].tobytes() == two["state"].tobytes()


def test_one_rank_trains_as_a_process_alone_does(tmp_path):
    X, y = data()
    alone = network().fit(
        X[:482], y[:482], epochs=3, batch_size=48, rng=0, optimizer=SGD(0.1, momentum=0.9),
        validation_data=(X[450:], y[450:]), metrics=["accuracy", "mse", "roc_auc"], verbose=0,
    )  # fmt: skip
    one = results(1, "arrays", tmp_path)
    np.testing.assert_allclose(one["state"], state(alone), atol=1e-5)
    for name in ("loss", "mse", "val_loss", "val_roc_auc"):
        np.testing.assert_allclose(one[f"history {name}"], alone.history[name], atol=1e-5)


def test_batch_norm_sees_the_rows_of_all_ranks(tmp_path):
    X, y = data()
    alone = convolutional().fit(X[:482], y[:482], epochs=1, batch_size=48, rng=0, verbose=0)
    two = results(2, "batch_norm", tmp_path)
    np.testing.assert_allclose(two["state"], state(alone), atol=1e-5)


@pytest.mark.parametrize("source", ["arrays", "shards"])
def test_deterministic_training_gives_the_same_bits(source, tmp_path):
    found = []
    for ranks in (1, 2, 4):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        write_shards(folder)
        found.append(results(ranks, "deterministic", folder, 8, 2, source))
    one, *others = found
    for other in others:
        assert other["alike"]
        for name in one:
            if name != "out":
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_number_of_logical_shards_may_be_chosen(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    three, one = (results(n, "deterministic", f, 6) for n, f in ((3, a), (1, b)))
    np.testing.assert_array_equal(three["state"], one["state"])


def test_ranks_with_arrays_of_their_own_count_by_their_rows(tmp_path):
    X, y = data()
    parts = [np.r_[60 * i : 60 * (i + 1), 300 + 26 * i : 300 + 26 * (i + 1)] for i in range(5)]
    expected = network().fit([(X[p], y[p]) for p in parts], epochs=1, rng=0, verbose=0)
    two = results(2, "own_arrays", tmp_path)
    assert two["alike"]
    np.testing.assert_allclose(two["state"], state(expected), atol=1e-5)
    np.testing.assert_allclose(two["history loss"], expected.history["loss"], atol=1e-5)


def test_a_rank_without_batches_left_waits_for_the_others(tmp_path):
    X, y = data()
    parts = [np.r_[20 * i : 20 * (i + 1), 100 + 10 * i : 110 + 10 * i] for i in range(2)]
    parts += [np.r_[20 * i : 20 * (i + 1)] for i in (2, 3)]
    expected = convolutional().fit([(X[p], y[p]) for p in parts], epochs=2, rng=0, verbose=0)
    two = results(2, "own_batches", tmp_path)
    assert two["alike"]
    np.testing.assert_allclose(two["state"], state(expected), atol=1e-5)
    # Once more from a checkpoint behind the last batch that rank 1 has.
    (tmp_path / "run.npz").write_bytes((tmp_path / "run.npz.previous").read_bytes())
    assert read_run(tmp_path / "run.npz").meta["run"]["batch"] == 3
    again = results(2, "own_batches", tmp_path)
    np.testing.assert_array_equal(again["state"], two["state"])


def test_weights_begin_alike_and_other_state_is_averaged(tmp_path):
    two = results(2, "own_state", tmp_path)
    assert two["alike"]
    X, y = data()
    alone = network(Centred())
    alone.build(64, rng=0)
    alone.fit(X, y, epochs=1, batch_size=50, rng=0, verbose=0)
    np.testing.assert_allclose(two["state"], state(alone), atol=1e-5)


# ------------------------------------------------------------------ errors, together


def test_a_loss_that_is_not_finite_in_one_rank_ends_all_with_one_error(tmp_path):
    two = results(2, "nonfinite", tmp_path)
    assert two["alike"]
    first, second = two["texts"]
    assert first == second
    assert first.startswith("epoch 1, batch 2: the loss is ")
    X, y = data(96)
    model = network()
    model.build(64, rng=0, dtype=np.float64)
    model.fit(X[:24], y[:24], epochs=1, batch_size=24, shuffle=False, verbose=0)
    np.testing.assert_allclose(two["state"], state(model), atol=1e-12)


def test_an_epoch_in_which_no_row_counts_ends_all_with_one_error(tmp_path):
    first, second = results(2, "worthless", tmp_path)["texts"]
    assert first == second
    assert first.startswith("epoch 1 expected a row that counts")


def test_such_a_batch_is_skipped_by_all_if_asked(tmp_path):
    two = results(2, "nonfinite", tmp_path, "skip")
    assert two["alike"]
    assert two["history skipped"] == [1]
    assert np.isfinite(two["state"]).all()


def test_bad_input_in_one_rank_is_an_error_in_all_before_anything_changed(tmp_path):
    (tmp_path / "damaged.npz").write_bytes(b"nothing of the kind")
    told = results(2, "bad_input", tmp_path)["told"].T
    expected = [
        ("rank 1: batch_size expected", "batch_size expected"),
        ("rank 1 has batch_size 9, rank 0 8",) * 2,
        ("rank 1 has epochs 2, rank 0 1",) * 2,
        ("rank 1: ", r"\(batch, 64\)"),
        (r"rank 1 has optimizer SGD\(0.2\)",) * 2,
        ("StorageError: .*damaged.npz", "StorageError: rank 0: .*damaged.npz"),
        ("ValueError: rank 1: .*nothing", "ValueError: .*nothing"),
        ("rank 1 has weights",) * 2,
        ("deterministic=8 would do",) * 2,
        ("deterministic=True expected arrays or Shards",) * 2,
        ("deterministic=True expected arrays or Shards",) * 2,
        ("deterministic=True expected the same arrays in all ranks.* rank 1",) * 2,
    ]
    assert len(told) == len(expected)
    for texts, patterns in zip(told, expected, strict=True):
        for text, pattern in zip(texts, patterns, strict=True):
            assert re.search(pattern, text), text
            assert "CHANGED" not in text


def test_an_argument_that_differs_in_one_rank_is_an_error_in_all(tmp_path):
    """Whichever it is, and no rank waits: a new argument of `fit` needs a line in CHOICES."""
    assert {"self", "communicator", *CHOICES} == {*inspect.signature(Sequential.fit).parameters}
    found = results(2, "differing", tmp_path)
    own = {"rng", "verbose"}  # rank 0's count
    for name, first, second in zip(found["names"], *found["told"], strict=True):
        assert "CHANGED" not in first + second
        if name in own or (name, first, second) == ("X", "", ""):  # arrays of their own
            assert first == second == "", name
        else:
            assert re.match("(Type|Value)Error: ", first), (name, first)
            assert re.match("(Type|Value)Error: ", second), (name, second)
    refused = dict(zip(found["names"], found["told"][0], strict=True))
    assert refused["deterministic"].startswith("TypeError: rank 1: deterministic expected True")


def test_whatever_ranks_pass_all_train_alike_or_all_refuse(tmp_path, request):
    cases = 600 if request.config.getoption("long") else 60
    told = results(2, "mixed", tmp_path, cases)["told"]
    for first, second in told.T:
        assert (first == "") == (second == ""), (first, second)
        assert "CHANGED" not in first + second
        assert "DIFFERS" not in first + second
    assert 5 < np.sum(told[0] == "") < cases - 5


def test_ranks_whose_threads_would_get_in_each_others_way_are_told_of_it(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_THREADS")}
    done = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, str(SCRIPT), "early_stopping", str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=True, env=environment,
    )  # fmt: skip
    alone = len(os.sched_getaffinity(0)) == 1 if hasattr(os, "sched_getaffinity") else False
    assert done.stderr.count("set OMP_NUM_THREADS=1 before mpiexec") == (0 if alone else 1)


def test_a_communicator_is_one_of_mpi4py():
    with pytest.raises(TypeError, match=r"expected one such as MPI.COMM_WORLD, got 3"):
        network().fit(*data(10), communicator=3)
    with pytest.raises(ValueError, match="deterministic expected a communicator"):
        network().fit(*data(10), deterministic=True)


# ------------------------------------------------------------------ callbacks and checkpoints


def test_rank_0_alone_prints_and_writes_and_all_stop_together(tmp_path):
    two = results(2, "callbacks", tmp_path)
    assert two["alike"]
    lines = two["out"].splitlines()
    assert len(re.findall(r"epoch \d/4", two["out"])) == 2
    notes = re.findall(r"rank (\d) of 2: loss ([\d.]+)", two["out"])
    assert [loss for rank, loss in notes if rank == "0"] == two["history loss"].astype(str).tolist()
    assert [loss for rank, loss in notes if rank == "1"] == two["history loss"].astype(str).tolist()
    stopped = [line for line in lines if "stopped" in line]
    assert stopped == ["stopped after epoch 3, batch 8: rank 1 is tired"]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert Sequential.load(tmp_path / "best.npz").output_shape == (10,)


def test_early_stopping_gives_all_ranks_the_best_weights(tmp_path):
    two = results(2, "early_stopping", tmp_path)
    assert two["alike"]
    assert two["best"] == 1
    assert len(two["history loss"]) == 3


def test_another_number_of_ranks_goes_on_from_a_checkpoint(tmp_path):
    """In the midst of the second epoch, to the bit."""
    (tmp_path / "whole").mkdir()
    whole = results(2, "deterministic", tmp_path / "whole", 8, 3)
    epoch = 10  # batches
    for ranks, others in ((2, 4), (4, 1), (1, 2)):
        folder = tmp_path / f"{ranks}-{others}"
        folder.mkdir()
        results(ranks, "deterministic", folder, 8, 2)
        (folder / "run.npz").unlink()
        (folder / "run.npz.previous").rename(folder / "run.npz")  # before the last one, batch 14
        saved = read_run(folder / "run.npz").meta["run"]
        assert (saved["epoch"], saved["steps"]) == (2, epoch + 4)
        found = results(others, "deterministic", folder, 8, 3)
        np.testing.assert_array_equal(found["state"], whole["state"])
        np.testing.assert_array_equal(found["history accuracy"], whole["history accuracy"])
        np.testing.assert_array_equal(found["history val_loss"], whole["history val_loss"])


def test_a_process_alone_and_several_go_on_from_each_other(tmp_path):
    X, y = data()
    file = tmp_path / "run.npz"

    def alone(epochs, step):
        return network(Dropout(0.2), BatchNorm()).fit(
            X, y, optimizer=Adam(), epochs=epochs, batch_size=50, rng=0, verbose=0, resume=file,
            metrics=["accuracy", "mse"], callbacks=[Checkpoint(file, 3), Dies(0, step)],
        )  # fmt: skip

    class Dies(Callback):  # of the name that the job's has
        def __init__(self, rank, step):
            self.step = step

        def on_batch_end(self, run):
            if run.steps == self.step:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alone(4, 13)
    assert read_run(file).meta["run"]["steps"] == 12
    found = results(2, "killed", tmp_path)
    assert found["alike"]
    assert len(found["history loss"]) == 4
    assert found["history loss"][-1] < found["history loss"][0]
    again = alone(5, -1)
    assert again.history["mse"][:4] == found["history mse"].tolist()
    assert again.history.epochs == 5


# ------------------------------------------------------------------ death


def test_the_failure_of_one_rank_ends_the_job_and_says_why(tmp_path):
    began = time.monotonic()
    code, _, err = finished(started(2, "fails", tmp_path), PATIENCE)
    assert code != 0
    assert "RuntimeError: the disk of rank 1 is full" in err
    assert "rank 1 of 2 failed, see above" in err
    assert time.monotonic() - began < PATIENCE
    assert read_run(tmp_path / "run.npz").meta["run"]["steps"] == 4


def test_killed_ranks_end_the_job_and_training_goes_on_to_the_same_result(tmp_path, request):
    """Any rank, at any step, again and again until it is done."""
    rng = np.random.default_rng(0)
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = results(2, "killed", whole)
    kills, wanted = 0, 50 if request.config.getoption("long") else 4
    while kills < wanted:
        folder = tmp_path / str(kills)
        folder.mkdir()
        done = 0
        while done < 37 and kills < wanted:
            rank, step = int(rng.integers(2)), done + 1 + int(rng.integers(15))
            if step > 40:
                break
            code, out, err = finished(started(2, "killed", folder, rank, step), PATIENCE)
            kills += 1
            assert code != 0
            assert "Killed (signal 9)" in out + err, out + err
            try:
                done = read_run(folder / "run.npz").meta["run"]["steps"]
            except StorageError:
                assert step <= 3, "no checkpoint yet"
        found = results(2, "killed", folder)
        for name in expected:
            if name != "out":
                np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_ctrl_c_stops_all_ranks_after_a_batch(tmp_path):
    process = started(2, "endless", tmp_path)
    try:
        assert process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGINT)
        code, _, err = finished(process, PATIENCE)
    finally:
        process.terminate()
    assert code == 0, err
    with np.load(tmp_path / "result-2.npz") as found:
        assert found["alike"]
    saved = read_run(tmp_path / "run.npz").meta["run"]
    assert saved["stopped"] == "interrupted"


# ------------------------------------------------------------------ the example, and much data


def test_the_example_trains_on_two_ranks(tmp_path, offline):
    example = SCRIPT.parent.parent / "examples" / "mnist_mpi.py"
    command = [MPIEXEC, "-n", "2", sys.executable, "-W", "error", "-m", "mpi4py", str(example)]
    first, second = (
        subprocess.run(
            [*command, "--quick", "--deterministic", "--checkpoint", str(tmp_path / "run.npz")],
            capture_output=True, text=True, timeout=120, check=True,
            env={**os.environ, **offline, "OMP_NUM_THREADS": "1"},
        ).stdout
        for _ in range(2)
    )  # fmt: skip
    assert "Processes: 2" in first
    assert len(re.findall("Test accuracy: ", first)) == 1
    assert re.search("epoch +1/", first)
    assert not re.search("epoch +1/", second), "it goes on from the checkpoint"


@pytest.mark.full
def test_four_gigabytes_go_through_in_little_memory(tmp_path):
    rows = 5_200_000
    for number in range(4):  # holes in files, which read as zeros
        np.lib.format.open_memmap(
            tmp_path / f"big-{number}.npy", "w+", np.uint8, (rows // 4, 784)
        ).flush()
    np.save(tmp_path / "y.npy", np.arange(rows, dtype=np.uint8) % 10)
    assert sum(f.stat().st_size for f in tmp_path.glob("big-*")) > 4e9
    two = results(2, "memory", tmp_path)
    assert two["alike"]
    assert (two["peaks"] < 500e6).all(), two["peaks"]
