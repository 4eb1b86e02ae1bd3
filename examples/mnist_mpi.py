"""The document's network, trained by several processes that share each batch, over MPI.

    pip install -e ".[examples,mpi]" mpich          once; or the MPI that is there already
    export OMP_NUM_THREADS=1                        one thread a process: they fill the cores
    mpiexec -n 2 python -m mpi4py examples/mnist_mpi.py
    mpiexec -n 2 python -m mpi4py examples/mnist_mpi.py --checkpoint run.npz
                                                    go on from there if it is killed, or interrupted
    mpiexec -n 4 python -m mpi4py examples/mnist_mpi.py --deterministic
                                                    the same bits as with 1, 2 or 8 processes

Every process runs this script from top to bottom; that of rank 0 prints.
"""

import io
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

from common import load_digits, options_parser, parse, report
from mpi4py import MPI

from tinyframe import SGD, Checkpoint, Dense, Flatten, ReLU, Rescale, Sequential, Softmax


def main() -> None:
    """Train together, and let rank 0 report."""
    parser = options_parser(__doc__, figure=False)
    parser.add_argument("--deterministic", action="store_true", help="the same bits for 1, 2, 4, 8")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE.npz", help="write, and resume from"
    )
    options = parse(parser)
    world = MPI.COMM_WORLD
    first = world.rank == 0

    if not first:
        world.Barrier()  # rank 0 downloads, if that is needed; the others find it on disk
    with nullcontext() if first else redirect_stdout(io.StringIO()):
        (X, y), (X_test, y_test), is_mnist = load_digits(quick=options.quick)
    if first:
        world.Barrier()

    model = Sequential(
        [Rescale(1 / 255), Flatten(), Dense(784, 10), ReLU(), Dense(10, 10), Softmax()]
    )
    epochs = 20 if is_mnist else 100
    model.fit(
        X,  # the same in all processes: each takes its share of every batch
        y,
        optimizer=SGD(0.4),  # four times that of mnist.py, as the batch is four times as large
        epochs=max(4, epochs // 10) if options.quick else epochs,
        batch_size=128,  # of all processes together
        validation_data=(X_test, y_test),
        rng=options.seed,
        callbacks=[Checkpoint(options.checkpoint)] if options.checkpoint else [],
        resume=options.checkpoint,
        communicator=world,
        deterministic=options.deterministic,
    )
    if first:
        print(f"\nProcesses: {world.size}")
        report(model, X_test, y_test)


if __name__ == "__main__":
    main()
