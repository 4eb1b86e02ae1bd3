"""Plan: what `fit` was asked for, checked, and made ready."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tinyframe.data.source import Source
from tinyframe.layers.build import restored_on_error
from tinyframe.metrics import Metric, named_metrics
from tinyframe.optimizers import FullBatchOptimizer
from tinyframe.training.augmentation import check_augment
from tinyframe.training.callbacks import Callback, Calls, Run, check_callbacks
from tinyframe.training.callbacks.progress_bar import display
from tinyframe.training.checkpoint import opened
from tinyframe.training.data_spec import DataSpec, as_source, check_lasting
from tinyframe.training.full_batch import FullBatchTrainer, check_full_batch
from tinyframe.training.held_out import with_validation
from tinyframe.training.mistakes import warn_of_mistakes
from tinyframe.training.settings import (
    chosen_loss,
    chosen_optimizer,
    figure_names,
    rows_a_step,
    seed,
    skips_nonfinite,
    verbosity,
)
from tinyframe.training.trainer import Trainer
from tinyframe.utils.checks import among, boolean, positive_integer, random_generator

if TYPE_CHECKING:
    from tinyframe.model import Model


class Plan:
    """What `fit` was asked for: all of it is checked where the plan is made, or nothing is changed.

    Callbacks begin there too, as they may refuse.

    Training on several processes makes another plan: see `tinyframe.distributed`.

    Parameters
    ----------
    model
        What is to be trained.
    X, y, options
        The arguments of `Model.fit`.
    """

    trainer_class: type[Trainer] = Trainer
    full_batch_class: type[FullBatchTrainer] = FullBatchTrainer

    feed: Source
    validation: Source | None
    metrics: dict[str, Metric]
    batch_size: int
    skips_nonfinite: bool

    def __init__(self, model: "Model", X: Any, y: Any, **options: Any) -> None:
        self.model = model
        with restored_on_error(model):
            self.take(X, y, **options)
            self.batch_size = min(self.batch_size, self.feed.rows or 1)
            validated = self.validation is not None
            names = figure_names(
                self.metrics, validated=validated, skips=self.skips_nonfinite, counts=self.takes_all
            )
            self.run = self.make_run(names, self.feed.batches(self.batch_size))
            self.checkpoint = self.open_checkpoint()
            with ExitStack() as at_the_end:
                self.begin(at_the_end)
                self._at_the_end = at_the_end.pop_all()

    def take(
        self, X: Any, y: Any, *, loss: Any, optimizer: Any, epochs: Any, batch_size: Any,
        shuffle: Any, validation_data: Any, validation_split: Any, metrics: Any,
        sample_weight: Any, class_weight: Any, augment: Any, callbacks: Any, rng: Any,
        verbose: Any, on_nonfinite: Any, resume: Any, **others: Any,
    ) -> None:  # fmt: skip
        """Take the arguments of `fit`, or raise what is wrong with one; build the model for X.

        `others` are those of training on several processes.
        """
        model = self.model
        if not among(others["deterministic"], 0):
            raise ValueError(
                "deterministic expected a communicator; one process gives the same bits anyway"
            )
        self.epochs = positive_integer("epochs", epochs)
        self.loss = chosen_loss(loss, model.loss, model._chain())  # noqa: SLF001 - its plan
        self.optimizer = chosen_optimizer(optimizer, model.optimizer)
        self.takes_all = isinstance(self.optimizer, FullBatchOptimizer)
        self.batch_size = rows_a_step(batch_size, takes_all=self.takes_all)
        self.shuffle = boolean("shuffle", shuffle) and not self.takes_all
        verbose = verbosity(verbose)
        self.skips_nonfinite = skips_nonfinite(on_nonfinite)
        check_augment(augment)
        self.augment, self.resume = augment, resume
        check_lasting(epochs, X, validation_data)
        everyone = (*check_callbacks(callbacks), *display(verbose))
        self.callbacks = tuple(sorted(everyone, key=lambda callback: callback.turn))
        self.rngs = random_generator(rng).spawn(4)
        self.spec = DataSpec(model, model._entry, self.loss, class_weight, learns=True)  # noqa: SLF001 - as above
        feed, self.sample = as_source(self.spec, X, y, sample_weight, build=True)
        self.feed, self.validation = with_validation(
            self.spec, feed, validation_data, validation_split
        )
        self.metrics = named_metrics(metrics, self.sample, model._outputs, self.loss)  # noqa: SLF001 - as above
        if self.takes_all:
            check_full_batch(
                self.optimizer, model, self.loss, self.feed, augment, skips=self.skips_nonfinite
            )
        if not model.trainable_parameters:
            raise ValueError("fit expected a model with parameters to train, got none")
        assert model.input_shape is not None  # noqa: S101 - tells the type checker
        model.build(model.input_shape)  # in this model's dtype, if another shared layers

    @contextmanager
    def training(self) -> Iterator[Run]:
        """Yield the run, its trainer ready; at the end, in whatever way, tell the callbacks."""
        run = self.run
        with self._at_the_end:
            weights_rng, order_rng, layers_rng, augment_rng = self.rngs
            self.draw_weights(weights_rng, layers_rng)
            run.trainer = self.make_trainer(augment_rng, order_rng if self.shuffle else None)
            if self.checkpoint is not None:
                self.checkpoint.restore(run)
            yield run

    # ---------------------------------------------------------------- what several processes change

    def own_callbacks(self) -> tuple[Callback, ...]:
        """Return the callbacks that this process calls."""
        return self.callbacks

    def make_run(self, names: tuple[str, ...], batches: int | None) -> Run:
        """Return a run of these figures, and of so many batches an epoch."""
        return Run(self.model, self.optimizer, names, self.epochs, batches)

    def open_checkpoint(self) -> Any:
        """Return the run to go on from; None where there is none."""
        return opened(self.resume)

    def begin(self, at_the_end: ExitStack) -> None:
        """Take the last steps that may refuse the run: compare it with its checkpoint, begin."""
        run = self.run
        run.callbacks = self.callbacks
        if self.checkpoint is not None:
            self.checkpoint.check(
                run, self.feed, self.batch_size, shuffle=self.shuffle, spec=self.spec,
                sample=self.sample, metrics=self.metrics,
            )  # fmt: skip
        self.warn()
        seed(self.model, self.rngs[0], None)  # before callbacks look at the weights
        self.calls = Calls(self.own_callbacks(), run, self.checkpoint)
        self.calls.begin(at_the_end)

    def warn(self) -> None:
        """Warn of likely mistakes that raise no error."""
        warn_of_mistakes(self.model._chain(), self.loss, self.spec.head)  # noqa: SLF001 - as above

    def draw_weights(self, weights: Any, layers: Any) -> None:
        """Draw the weights that have no value yet, and seed the random layers."""
        seed(self.model, weights, layers)
        self.parameters = self.model._begin(self.loss, self.optimizer)  # noqa: SLF001 - as above

    def make_trainer(self, augment_rng: Any, order_rng: Any, **options: Any) -> Trainer:
        """Return what takes the steps."""
        trainer = (self.full_batch_class if self.takes_all else self.trainer_class)(
            self.model._objective(self.loss),  # noqa: SLF001 - as above
            self.optimizer, self.parameters, self.feed, self.batch_size, self.metrics,
            self.augment, augment_rng, order_rng, skips_nonfinite=self.skips_nonfinite, **options,
        )  # fmt: skip
        if self.validation is not None:
            trainer.examined = self.model._examined(self.loss)  # noqa: SLF001 - as above
        return trainer
