"""The embedded default: an animated figure in front of the Human3.6M cameras. Not human data."""

from .poses import synthetic_poses

__all__ = ["synthetic_poses"]
