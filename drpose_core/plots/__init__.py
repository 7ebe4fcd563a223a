"""Arrays -> plotly figures; never sees a model. Poses are (J, 3) metres in the camera frame, drawn upright.

Left is blue, right is vermilion, the middle grey, in every figure. source is the PoseSet's line about its origin, put below the title.
For a paper: figure.write_image("pose.svg") (or .png, .pdf) after pip install kaleido.
"""

from .bodies import gallery_figure, hypotheses_figure, motion_figure, pair_figure, pose_figure, steps_figure
from .charts import calibration_figure, curve_figure, heat_figure, joint_error_figure
from .conversion import conversion_figure
from .look import LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR
from .losses import live_losses, losses_figure
from .views import clicked, explorer_figure, explorer_view, fit_axes

__all__ = [
    "LEFT_COLOR",
    "MIDDLE_COLOR",
    "RIGHT_COLOR",
    "calibration_figure",
    "clicked",
    "conversion_figure",
    "curve_figure",
    "explorer_figure",
    "explorer_view",
    "fit_axes",
    "gallery_figure",
    "heat_figure",
    "hypotheses_figure",
    "joint_error_figure",
    "live_losses",
    "losses_figure",
    "motion_figure",
    "pair_figure",
    "pose_figure",
    "steps_figure",
]
