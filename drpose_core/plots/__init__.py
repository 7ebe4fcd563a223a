"""Arrays -> plotly figures; never sees a model. Poses are (J, 3) in metres in the camera frame,
drawn upright.

Left is blue, right is vermilion and the middle grey, in every figure. source is the PoseSet's line
about its origin; it is put below the title. For a paper: figure.write_image("pose.svg") (or .png,
.pdf) after pip install kaleido.
"""

from .bodies import (
    gallery_figure,
    hypotheses_figure,
    motion_figure,
    pair_figure,
    pose_figure,
    steps_figure,
)
from .charts import calibration_figure, curve_figure, heat_figure, joint_error_figure
from .conversion import conversion_figure
from .dispersion import dispersion_figure
from .look import (
    BEST_COLOR,
    INITIAL_COLOR,
    LEFT_COLOR,
    MEAN_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    TRUTH_COLOR,
    dressed,
)
from .losses import live_losses, losses_figure
from .photo import photo
from .scene import scene, upright
from .skeletons import BONE_GROUPS, as_poses, gapped, skeleton_trace

__all__ = [
    "BEST_COLOR",
    "BONE_GROUPS",
    "INITIAL_COLOR",
    "LEFT_COLOR",
    "MEAN_COLOR",
    "MIDDLE_COLOR",
    "RIGHT_COLOR",
    "TRUTH_COLOR",
    "as_poses",
    "calibration_figure",
    "conversion_figure",
    "curve_figure",
    "dispersion_figure",
    "dressed",
    "gallery_figure",
    "gapped",
    "heat_figure",
    "hypotheses_figure",
    "joint_error_figure",
    "live_losses",
    "losses_figure",
    "motion_figure",
    "pair_figure",
    "photo",
    "pose_figure",
    "scene",
    "skeleton_trace",
    "steps_figure",
    "upright",
]
