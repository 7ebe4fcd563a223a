from .h36m import h36m_poses as h36m_poses
