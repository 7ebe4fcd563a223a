"""drpose_core: 3D human pose hypotheses by diffusion (DRPose, Kang et al., arXiv 2401.04921).

Letters: B poses in a batch, H hypotheses, K sampling steps, J = 17 joints, C channels, N poses in a
set. Metres inside, millimetres in tables and figures (names end in _mm). Camera frame, relative to
joint 0 unless the name says root.

To read the method in one sitting: skeleton, data, diffusion, denoiser, model, metrics. Figures are
in drpose_core.plots.
"""

from .cameras import (
    camera_to_world,
    estimate_root,
    normalize_screen,
    project,
    screen_to_pixels,
    world_to_camera,
)
from .data import PoseSet, batches
from .denoiser import Denoiser
from .diffusion import CosineSchedule, Step, ddim, dpm_solver, with_flip
from .evaluation import assess, evaluate
from .experiments import fingerprint, history, run_folder, runs, sweep, train_in
from .keypoints import Keypoints, detect_keypoints, picture_frame, read_keypoints, training_view
from .lifters import LIFTERS, build_lifter
from .model import (
    DRPose,
    ModelConfig,
    denoise_fn,
    denoising_loss,
    lifting_loss,
    sample_poses,
    with_initial_poses,
)
from .output import write_predictions
from .prediction import Prediction, joined, predict
from .scores import (
    aggregate,
    calibration_curve,
    calibration_error,
    covered,
    hypothesis_errors,
    mpjpe,
    p_mpjpe,
    paper_table,
    table,
)
from .skeleton import BONES, JOINTS, flip
from .sources import (
    bvh_poses,
    cmu_poses,
    download_cmu,
    h36m_cameras,
    h36m_poses,
    joined_poses,
    load_poses,
    synthetic_poses,
    thinned,
)
from .support import device, fast_mode, generator, hypothesis_generators, project_root, tour_source
from .training import TrainConfig, TrainState, TrainStep, train
from .weights import (
    checkpoint_record,
    export_published,
    latest_checkpoint,
    load_checkpoint,
    load_published,
    load_published_lifter,
    save_checkpoint,
    save_predictions,
    with_predictions,
)

__all__ = [
    "BONES",
    "JOINTS",
    "LIFTERS",
    "CosineSchedule",
    "DRPose",
    "Denoiser",
    "Keypoints",
    "ModelConfig",
    "PoseSet",
    "Prediction",
    "Step",
    "TrainConfig",
    "TrainState",
    "TrainStep",
    "aggregate",
    "assess",
    "batches",
    "build_lifter",
    "bvh_poses",
    "calibration_curve",
    "calibration_error",
    "camera_to_world",
    "checkpoint_record",
    "cmu_poses",
    "covered",
    "ddim",
    "denoise_fn",
    "denoising_loss",
    "detect_keypoints",
    "device",
    "download_cmu",
    "dpm_solver",
    "estimate_root",
    "evaluate",
    "export_published",
    "fast_mode",
    "fingerprint",
    "flip",
    "generator",
    "h36m_cameras",
    "h36m_poses",
    "history",
    "hypothesis_errors",
    "hypothesis_generators",
    "joined",
    "joined_poses",
    "latest_checkpoint",
    "lifting_loss",
    "load_checkpoint",
    "load_poses",
    "load_published",
    "load_published_lifter",
    "mpjpe",
    "normalize_screen",
    "p_mpjpe",
    "paper_table",
    "picture_frame",
    "predict",
    "project",
    "project_root",
    "read_keypoints",
    "run_folder",
    "runs",
    "sample_poses",
    "save_checkpoint",
    "save_predictions",
    "screen_to_pixels",
    "sweep",
    "synthetic_poses",
    "table",
    "thinned",
    "tour_source",
    "train",
    "train_in",
    "training_view",
    "with_flip",
    "with_initial_poses",
    "with_predictions",
    "world_to_camera",
    "write_predictions",
]
