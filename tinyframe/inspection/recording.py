"""Which layers are recorded in training, and why others are not."""

from typing import TYPE_CHECKING

from tinyframe.recording.recorder import Recorded
from tinyframe.recording.report import RecordingReport
from tinyframe.training.settings import check_model

if TYPE_CHECKING:
    from tinyframe.model import Model


def recording_report(model: "Model") -> RecordingReport:
    """Return which layers are recorded in training, and why others are not.

    The first step of a kind is recorded, the second taken both ways, and from the third on a step
    is replayed. What is not recorded runs as it is: it is trained right, at its plain speed.

    Parameters
    ----------
    model
        A model; one that was not trained yet has nothing recorded, and the report says so.

    Raises
    ------
    TypeError
        If it is none.

    Examples
    --------
    >>> from tinyframe.inspection import recording_report
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> model = Sequential([Dense(1, 1)]).fit(X, X, epochs=5, batch_size=5, verbose=0)
    >>> recording_report(model).complete
    True
    """
    check_model(model)
    recorded = model._recorded  # noqa: SLF001 - the recording is the model's
    if recorded is None:
        why = "the model was not trained yet, or is a copy, or was loaded from a file"
    elif not isinstance(recorded, Recorded):
        why = "recording was off"
    else:
        return RecordingReport.of(recorded, changed=not recorded.is_of(model._chain()))  # noqa: SLF001 - as above
    return RecordingReport((), f"nothing is recorded: {why}")
