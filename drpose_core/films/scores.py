"""Scores of films: how far off, how jerky, and whether a hypothesis is good for more than a frame.

Every frame counts once. Velocities and what follows need frames of one run (clips.runs); all but
the lengths of bones are in the frame of the film's own camera, where that is known.
"""

import torch

from ..data import PoseSet
from ..keypoints import picture_frame
from ..scores import calibration_curve, calibration_error, covered, mpjpe, p_mpjpe
from ..skeleton import bone_lengths
from .clips import FPS, runs

AT_ONCE = 1024  # poses whose hypotheses are ranked at a time


def motion_scores(pose: torch.Tensor, poses: PoseSet, *, fps: float = FPS) -> dict[str, float]:
    """Of one pose a frame (N, J, 3), metres, for the rows of poses, which have a ground truth.

    MPJPE and P-MPJPE in mm; velocity error in mm/s and acceleration error in m/s^2, the length of
    the difference of the vectors, mean over joints; jitter in m/s^3, the length of the third
    derivative of the poses themselves; bone change in mm, the standard deviation of a bone's length
    over a run, mean over bones. Runs too short for a derivative do not count in it.
    """
    poses.require_truth("motion_scores")
    found = {
        "MPJPE": 1000 * mpjpe(pose, poses.pose3d).mean().item(),
        "P-MPJPE": 1000 * p_mpjpe(pose, poses.pose3d).mean().item(),
    }
    turned, truth = (_own_frame(x, poses) for x in (pose, poses.pose3d))
    lengths = bone_lengths(pose)
    rows = {"velocity error": [], "acceleration error": [], "jitter": [], "bone change": []}
    for run in runs(poses, fps=fps):
        own = derivatives(turned[run], poses.frame[run], fps)
        true = derivatives(truth[run], poses.frame[run], fps)
        rows["velocity error"].append(1000 * mpjpe(own[0], true[0]))
        rows["acceleration error"].append(mpjpe(own[1], true[1]))
        rows["jitter"].append(own[2].norm(dim=-1).mean(-1))
        if len(run) > 1:
            change = lengths[run].std(0, correction=0).mean()
            rows["bone change"].append(1000 * change.expand(len(run)))
    return found | {
        name: torch.cat(x).mean().item() if x else torch.nan for name, x in rows.items()
    }


def hypothesis_scores(
    hypotheses: torch.Tensor, poses: PoseSet, *, length: int = 27, fps: float = FPS
) -> dict[str, float]:
    """Of hypotheses (N, H, J, 3), metres, for the rows of poses, which have a ground truth.

    Best per frame and best per clip (oracles) in mm: the MPJPE of the hypothesis that is best in
    each frame, or in each clip of up to length frames, cut from the runs without overlap. ECE and
    its floor as in calibration_error, per frame; spread in mm, and spread of velocities in mm/s:
    root mean square distance of the hypotheses from their mean, mean over joints.
    """
    poses.require_truth("hypothesis_scores")
    count = hypotheses.shape[1]
    errors = mpjpe(hypotheses, poses.pose3d[:, None])  # (N, H)
    clips = [part for run in runs(poses, fps=fps) for part in run.split(length)]
    per_clip = torch.cat([errors[c][:, errors[c].mean(0).argmin()] for c in clips])
    hits = sum(
        covered(h, x).sum(0) for h, x in zip(hypotheses.split(AT_ONCE), poses.pose3d.split(AT_ONCE))
    )
    ece = calibration_error(calibration_curve(hits, len(poses), count))
    turned = _own_frame(hypotheses, poses)
    speeds = [
        _spread(derivatives(turned[run], poses.frame[run], fps)[0]) for run in runs(poses, fps=fps)
    ]
    return {
        "best per frame": 1000 * errors.amin(1).mean().item(),
        "best per clip": 1000 * per_clip.mean().item(),
        "ECE": ece["ece"],
        "ECE floor": ece["floor"],
        "spread": 1000 * _spread(hypotheses).mean().item(),
        "spread of velocity": 1000 * torch.cat(speeds).mean().item(),
    }


def derivatives(x: torch.Tensor, frame: torch.Tensor, fps: float) -> tuple[torch.Tensor, ...]:
    """The first three derivatives of x (n, ..., 3) at frame numbers (n,), by differences: of
    lengths n - 1, n - 2 and n - 3, or 0.
    """
    when, found = (frame - frame[:1]).double() / fps, []
    for _ in range(3):
        steps = when.diff().view(-1, *[1] * (x.ndim - 1)).to(x)
        x, when = x.diff(dim=0) / steps if len(x) > 1 else x[:0], (when[1:] + when[:-1]) / 2
        found.append(x)
    return tuple(found)


def _spread(hypotheses: torch.Tensor) -> torch.Tensor:
    """(N, H, J, 3) -> (N,)."""
    return hypotheses.var(1, correction=0).sum(-1).sqrt().mean(-1)


def _own_frame(pose: torch.Tensor, poses: PoseSet) -> torch.Tensor:
    return pose if poses.rotation is None else picture_frame(pose, poses.rotation)
