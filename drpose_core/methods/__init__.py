"""Other ways to hypotheses, each a subclass of DRPose that replaces its network, noise levels, loss
or solvers. What trains, samples, scores, shows and keeps a DRPose does so with each of them.
"""

from .d3dp import NoInitialPose
from .flow import FlowMatching, StraightPath, flow_loss, midpoint
from .gfpose import GFPose, GFPoseConcatenated, score_loss
from .registry import METHODS, build_model
from .subvp import SubVP, reverse_sde

__all__ = [
    "METHODS",
    "FlowMatching",
    "GFPose",
    "GFPoseConcatenated",
    "NoInitialPose",
    "StraightPath",
    "SubVP",
    "build_model",
    "flow_loss",
    "midpoint",
    "reverse_sde",
    "score_loss",
]
