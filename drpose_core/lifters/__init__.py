"""Initial models ("lifters"): any module or function (B, J, 2) screen units -> (B, J, 3) metres,
camera frame.
"""

from .dcgct import DCGCT
from .elsewhere import Elsewhere
from .htnet import HTNet
from .registry import LIFTERS, build_lifter, lift, reads_confidence

__all__ = ["DCGCT", "LIFTERS", "Elsewhere", "HTNet", "build_lifter", "lift", "reads_confidence"]
