"""Scores: functions of tensors and tables of them. Never sees a model."""

from .aggregation import ANSWERS, aggregate, reprojection_errors
from .assessment import Assessment, assessment
from .batch import CHOICES, HONEST, Previous, score_batch
from .calibration import calibration_curve, calibration_error, covered, covered_whole, more_central
from .dispersion import dispersion
from .energy import energy_score
from .metrics import hypothesis_errors, joint_errors, mpjpe, p_mpjpe
from .sums import ExactSums
from .tables import ORACLES, paper_table, table

__all__ = [
    "ANSWERS",
    "CHOICES",
    "HONEST",
    "ORACLES",
    "Assessment",
    "ExactSums",
    "Previous",
    "aggregate",
    "assessment",
    "calibration_curve",
    "calibration_error",
    "covered",
    "covered_whole",
    "dispersion",
    "energy_score",
    "hypothesis_errors",
    "joint_errors",
    "more_central",
    "mpjpe",
    "p_mpjpe",
    "paper_table",
    "reprojection_errors",
    "score_batch",
    "table",
]
