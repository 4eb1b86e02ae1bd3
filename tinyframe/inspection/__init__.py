"""Inspection: what a model does inside, as numbers: activations, saliency, gradients, recording."""

from tinyframe.inspection.activations import activations, saliency
from tinyframe.inspection.derivatives import hessian_vector_product, jacobian
from tinyframe.inspection.gradients import GradientReport, LayerGradient, gradient_report
from tinyframe.inspection.laplace import Laplace
from tinyframe.inspection.likelihoods import Prediction
from tinyframe.inspection.recording import recording_report
from tinyframe.inspection.uncertainty import uncertainty
from tinyframe.recording.report import RecordingReport

__all__ = [
    "GradientReport",
    "Laplace",
    "LayerGradient",
    "Prediction",
    "RecordingReport",
    "activations",
    "gradient_report",
    "hessian_vector_product",
    "jacobian",
    "recording_report",
    "saliency",
    "uncertainty",
]
