"""The 17 joints of Human3.6M: names, bones, left and right, and the mirror."""

import torch

from .support import constant

JOINTS = (
    "hip", "right hip", "right knee", "right foot", "left hip", "left knee", "left foot",
    "spine", "thorax", "neck", "head",
    "left shoulder", "left elbow", "left wrist", "right shoulder", "right elbow", "right wrist",
)  # fmt: skip
J = len(JOINTS)
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
LEFT = (4, 5, 6, 11, 12, 13)
RIGHT = (1, 2, 3, 14, 15, 16)

# The joint that takes a joint's place in the mirror.
MIRRORED = tuple(dict(zip(LEFT + RIGHT, RIGHT + LEFT)).get(joint, joint) for joint in range(J))

# The 13 joints that a data set marks on a body; the others are computed from these, or placed by
# rules that differ between data sets.
MARKED = tuple(
    j for j, name in enumerate(JOINTS) if name not in ("spine", "thorax", "neck", "head")
)

# Where the 17 joints stand among the 32 that Human3.6M recordings hold.
H36M_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)


def flip(x: torch.Tensor) -> torch.Tensor:
    """Mirror poses: change x to -x and swap left and right joints.

    x (..., 17, D) with the horizontal coordinate first; any D.
    """
    if x.ndim < 2 or x.shape[-2] != J:
        raise ValueError(
            f"flip needs (..., {J}, D) with the {J} Human3.6M joints, got {tuple(x.shape)}"
        )
    mirrored = x.index_select(-2, constant(MIRRORED, torch.int64, x.device))
    return torch.cat([-mirrored[..., :1], mirrored[..., 1:]], dim=-1)


def mirror_mean(pair: torch.Tensor, dim: int = -3) -> torch.Tensor:
    """The mean of poses and of the mirrored poses of their mirror images.

    pair holds the two along dim: (..., 2, J, 3) -> (..., J, 3), a new tensor.
    """
    plain, mirrored = pair.unbind(dim)
    return (plain + flip(mirrored)) / 2


def bone_lengths(pose3d: torch.Tensor) -> torch.Tensor:
    """Lengths of the 16 bones in BONES order.

    pose3d (..., 17, 3) -> (..., 16), in the units of pose3d.
    """
    parents, children = zip(*BONES)
    return (pose3d[..., children, :] - pose3d[..., parents, :]).norm(dim=-1)


def bone_adjacency() -> torch.Tensor:
    """(17, 17) with 1 where two joints share a bone, 0 elsewhere (also on the diagonal)."""
    adjacency = torch.zeros(J, J)
    for i, j in BONES:
        adjacency[i, j] = adjacency[j, i] = 1
    return adjacency
