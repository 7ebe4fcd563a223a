"""Where poses with a known 3D come from: Human3.6M files, motion capture, the embedded figure.

Each source gives a PoseSet; rig and detector_model are how motion is filmed.
"""

from .cmu import cmu_poses
from .cmu_download import download_cmu
from .h36m import h36m_poses
from .load import SOURCES, load_poses
from .rig import h36m_cameras
from .synthetic import synthetic_poses

__all__ = [
    "SOURCES",
    "cmu_poses",
    "download_cmu",
    "h36m_cameras",
    "h36m_poses",
    "load_poses",
    "synthetic_poses",
]
