"""Data-parallel training over MPI: many processes, each with its share of the rows, one model.

    model.fit(X, y, communicator=MPI.COMM_WORLD)        # mpiexec -n 4 python train.py

Each process (rank) computes the gradient on its share of every batch; one all-reduce of the flat
gradient a step adds them up, and all take the same step. Extra `mpi`.
"""

from tinyframe.distributed.plan import SharedPlan
from tinyframe.distributed.ranks import Ranks

__all__ = ["Ranks", "SharedPlan"]
