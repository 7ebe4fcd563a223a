"""The motion of each person of a prediction, whole from their first frame to their last."""

import numpy as np

from ..prediction import Prediction


def persons(prediction: Prediction) -> np.ndarray:
    """Numbers of the persons (N,); where a set has none, each sequence counts as one."""
    poses = prediction.poses
    return (poses.sequence if poses.person is None else poses.person).numpy()
