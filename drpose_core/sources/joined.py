"""Join several pose sets; remove near-duplicate frames from one."""

import numpy as np
import torch

from ..data import PoseSet

BETWEEN = " + "


def joined_poses(sets: list[PoseSet] | tuple[PoseSet, ...]) -> PoseSet:
    """Join pose sets, in their order.

    Actions with the same name become one. Sequences keep their names. If the sets have different
    skeletons, each name gets its skeleton as a prefix, such as "HDM05:HDM_bd/...", so that equal
    names stay apart. source, keypoints and skeleton list those of all sets; terms are kept sequence
    by sequence, and are the source of a set that has none. If only some sets have a confidence or a
    rotation, the others get confidence 1 and the identity rotation. Raises ValueError if there are
    no sets, if they are on different devices, or if two of them share a sequence.
    """
    if not sets:
        raise ValueError("joined_poses needs at least one pose set")
    if len({poses.device for poses in sets}) > 1:
        raise ValueError("the pose sets are on different devices: put them on one with .to(device)")
    if len({poses.has_truth for poses in sets}) > 1:
        raise ValueError(
            "some of the pose sets have a ground truth and some have none: join alike sets"
        )
    different = len({poses.skeleton for poses in sets}) > 1
    actions, sequences, parts = [], [], []
    for poses in sets:
        names = [f"{poses.skeleton}:{name}" if different else name for name in poses.sequences]
        if twice := set(names) & set(sequences):
            raise ValueError(
                f"two of the pose sets have the sequence {min(twice)}: join each recording once, "
                "or give subjects other names"
            )
        actions += [name for name in dict.fromkeys(poses.actions) if name not in actions]
        new = torch.tensor([actions.index(name) for name in poses.actions], dtype=torch.int64)
        columns = {
            **poses.tensors(),
            "action": new.to(poses.device)[poses.action],
            "sequence": poses.sequence + len(sequences),
        }
        sequences += names
        parts.append(columns)
    kept = {}
    for name in set().union(*parts):
        if name in ("initial", "person") and not all(name in part for part in parts):
            continue  # what is known of some poses only is of no use
        kept[name] = torch.cat([part.get(name, _absent(name, part)) for part in parts])

    def all_of(text):
        return BETWEEN.join(dict.fromkeys(getattr(poses, text) for poses in sets))

    texts = {name: all_of(name) for name in ("source", "keypoints", "skeleton")}
    terms = None
    if any(poses.terms for poses in sets):
        each = (poses.terms or [poses.source] * len(poses.sequences) for poses in sets)
        terms = [words for some in each for words in some]
    return PoseSet(**kept, actions=actions, sequences=sequences, terms=terms, **texts)


def _absent(name: str, columns: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """What stands for a column that a set does not have."""
    kp2d = columns["kp2d"]
    if name == "confidence":
        return torch.ones(kp2d.shape[:2], dtype=kp2d.dtype, device=kp2d.device)
    if name == "rotation":
        return torch.eye(3, dtype=kp2d.dtype, device=kp2d.device).repeat(len(kp2d), 1, 1)
    return None


def thinned(poses: PoseSet, millimetres: float = 60.0) -> PoseSet:
    """The set without near-duplicates. Of each sequence it keeps the first frame, and then every
    pose that differs from the last kept one by at least millimetres (mean over joints).

    Poses are compared relative to the root, in the camera frame: a person who turns counts as
    moving, a person who only changes place does not. The order stays the same; 0 keeps everything.
    """
    poses.require_truth("thinned")
    if not millimetres >= 0:
        raise ValueError(f"millimetres must be at least 0, got {millimetres}")
    if not millimetres or not len(poses):
        return poses
    pose, sequence = poses.pose3d.cpu().numpy(), poses.sequence.cpu().numpy()
    order = np.lexsort((poses.frame.cpu().numpy(), sequence))
    starts = np.flatnonzero(np.diff(sequence[order], prepend=-1))
    kept = np.zeros(len(pose), dtype=bool)
    ends = np.append(starts[1:], len(order))
    position = starts.copy()  # all sequences are gone through side by side
    kept[order[starts]] = True
    last = pose[order[starts]]  # (sequences, J, 3)
    while True:
        position = position + 1
        if not (position < ends).any():
            break
        active = position < ends
        rows = order[position[active]]
        moved = np.linalg.norm(pose[rows] - last[active], axis=-1).mean(-1) >= millimetres / 1000
        kept[rows[moved]] = True
        which = np.flatnonzero(active)[moved]
        last[which] = pose[rows[moved]]
    return poses[torch.from_numpy(np.flatnonzero(kept)).to(poses.device)]
