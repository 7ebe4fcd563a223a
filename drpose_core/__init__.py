"""drpose_core: 3D human pose hypotheses by diffusion (DRPose, Kang et al., arXiv 2401.04921).

Letters: B poses in a batch, H hypotheses, K sampling steps, J = 17 joints, C channels, N poses in a
set. Metres inside, millimetres in tables and figures (names end in _mm). Camera frame, relative to
joint 0 unless the name says root.

Words: a *lifter* (initial model) turns 2D keypoints into one 3D pose, the *initial pose*; the
denoiser turns noise into *hypotheses*, plausible poses given both; the *answer* is the one pose
chosen from them; an *oracle* is a score for which the ground truth chose.

To read the method in one sitting: skeleton, data, diffusion, denoiser, model, losses, sampling,
scores/metrics. Figures are in drpose_core.plots, widgets in drpose_core.explorer.
"""

from .batches import batches
from .calibration import calibrate
from .cameras import estimate_root, normalize_screen, project, screen_to_pixels
from .data import PoseSet
from .denoiser import Denoiser
from .diffusion import CosineSchedule, Step, ddim, dpm_solver, with_flip
from .evaluation import assess, evaluate
from .experiments import fingerprint, history, runs, sweep, train_in
from .films import (
    FilmDCGCT,
    FilmDRPose,
    FilmStream,
    correlated,
    film_lifting_loss,
    film_loss,
    hypothesis_scores,
    motion_scores,
    one_euro,
    per_film,
    sample_film,
    savitzky_golay,
    windows,
    with_film_poses,
)
from .keypoints import Keypoints, detect_keypoints, picture_frame, read_keypoints, training_view
from .lifters import LIFTERS, build_lifter
from .losses import calibrated_loss, denoising_loss, lifting_loss
from .methods import METHODS, FlowMatching, GFPose, NoInitialPose, build_model
from .model import DRPose, with_initial_poses
from .output import estimate_floor, joint_angles, overlay, write_predictions
from .prediction import Prediction, joined, predict
from .sampling import denoise_fn, sample_poses
from .scores import (
    aggregate,
    calibration_curve,
    calibration_error,
    covered,
    energy_score,
    hypothesis_errors,
    mpjpe,
    p_mpjpe,
    paper_table,
    table,
)
from .settings import ModelConfig, Sampling
from .skeleton import BONES, JOINTS, flip
from .sources import (
    bvh_poses,
    cmu_poses,
    download_cmu,
    h36m_cameras,
    h36m_poses,
    joined_poses,
    load_poses,
    people_poses,
    synthetic_poses,
    thinned,
)
from .support import (
    device,
    fast_mode,
    generator,
    hypothesis_generators,
    own_rows,
    per_hypothesis,
    per_pose,
    project_root,
    replay,
    tour_source,
)
from .training import TrainConfig, TrainState, TrainStep, train
from .weights import (
    checkpoint_record,
    export_published,
    latest_checkpoint,
    load_checkpoint,
    load_model,
    load_published,
    load_published_lifter,
    save_checkpoint,
    save_predictions,
    with_predictions,
)

# Grouped by purpose, in the order in which a reader meets them.
__all__ = [  # noqa: RUF022
    # poses: sets of them, joints, cameras
    "PoseSet",
    "batches",
    "JOINTS",
    "BONES",
    "flip",
    "project",
    "normalize_screen",
    "screen_to_pixels",
    "estimate_root",
    # where poses come from
    "load_poses",
    "people_poses",
    "synthetic_poses",
    "h36m_poses",
    "cmu_poses",
    "bvh_poses",
    "joined_poses",
    "thinned",
    "download_cmu",
    "h36m_cameras",
    # the model: a lifter and a denoiser
    "ModelConfig",
    "DRPose",
    "Denoiser",
    "LIFTERS",
    "build_lifter",
    "with_initial_poses",
    # other methods: each a DRPose with other parts
    "METHODS",
    "build_model",
    "FlowMatching",
    "GFPose",
    "NoInitialPose",
    # films: the denoiser that sees time
    "FilmDRPose",
    "windows",
    "film_loss",
    "sample_film",
    "FilmStream",
    "FilmDCGCT",
    "film_lifting_loss",
    "with_film_poses",
    "correlated",
    "per_film",
    "motion_scores",
    "hypothesis_scores",
    "one_euro",
    "savitzky_golay",
    # sampling: noise to hypotheses
    "Sampling",
    "sample_poses",
    "denoise_fn",
    "CosineSchedule",
    "ddim",
    "dpm_solver",
    "Step",
    "with_flip",
    "per_hypothesis",
    "per_pose",
    "replay",
    "hypothesis_generators",
    # training
    "TrainConfig",
    "train",
    "TrainStep",
    "TrainState",
    "train_in",
    "denoising_loss",
    "calibrated_loss",
    "lifting_loss",
    "history",
    "runs",
    "own_rows",
    # scores, and tables of ablations
    "evaluate",
    "assess",
    "table",
    "paper_table",
    "hypothesis_errors",
    "mpjpe",
    "p_mpjpe",
    "aggregate",
    "calibration_curve",
    "calibration_error",
    "covered",
    "energy_score",
    "calibrate",
    "sweep",
    "fingerprint",
    # own pictures: keypoints in, predictions out
    "read_keypoints",
    "detect_keypoints",
    "Keypoints",
    "predict",
    "Prediction",
    "joined",
    "write_predictions",
    "overlay",
    "joint_angles",
    "estimate_floor",
    "training_view",
    "picture_frame",
    # weights, and poses computed elsewhere
    "load_checkpoint",
    "save_checkpoint",
    "latest_checkpoint",
    "checkpoint_record",
    "load_model",
    "load_published",
    "load_published_lifter",
    "export_published",
    "with_predictions",
    "save_predictions",
    # the machine and the notebooks' tour
    "device",
    "generator",
    "fast_mode",
    "project_root",
    "tour_source",
]
