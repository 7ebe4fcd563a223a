"""Where poses with a known 3D come from: Human3.6M files, motion capture, embedded people,
the synthetic figure.

Each source gives a PoseSet. How motion is filmed: film puts rig's or random_rig's cameras in front
of it, detector_model and wild_detector say what is seen; joints says where joints sit.
"""

from .bvh import bvh_poses
from .cmu import cmu_poses
from .cmu_download import download_cmu
from .h36m import h36m_poses
from .joined import joined_poses, thinned
from .load import SOURCES, load_poses
from .people import people_poses
from .rig import h36m_cameras
from .synthetic import synthetic_poses

__all__ = [
    "SOURCES",
    "bvh_poses",
    "cmu_poses",
    "download_cmu",
    "h36m_cameras",
    "h36m_poses",
    "joined_poses",
    "load_poses",
    "people_poses",
    "synthetic_poses",
    "thinned",
]
