"""Motion in the world in front of cameras -> PoseSet; shared by sources that bring no images."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch

from ..cameras import project, world_to_camera
from ..data import PoseSet
from ..keypoints import ENOUGH, LEAST, filled, to_h36m, training_view
from .bodies import other_proportions
from .detector_model import detect
from .joints import coco_points
from .motion import FPS, Recording
from .random_rig import random_shots
from .rig import h36m_cameras
from .wild_detector import detect_wild

KEYPOINTS = ("detected", "exact", "wild")
CAMERAS = ("h36m", "random")
SHOT = 2.0  # seconds that a random camera films
VIEWS = 4  # random cameras in front of each shot, as many as Human3.6M has


class Seen(NamedTuple):
    """L frames of one recording seen by S cameras; frames that a shot lacks are not there."""

    pose: torch.Tensor  # (L, S, J, 3) camera frames
    coco: np.ndarray | None  # (L, S, 17, 3) COCO's points, where they are asked for
    intrinsics: torch.Tensor  # (S, 9)
    picture: np.ndarray  # (S, 2) width and height, pixels
    frame: np.ndarray  # (L, S) index of the pose in the recording
    there: np.ndarray  # (L, S)


def film(
    recordings: Iterable[Recording],
    *,
    keypoints: str,
    seed: int,
    source: str,
    skeleton: str,
    cameras: str = "h36m",
    views: int = VIEWS,
    least_confidence: float = LEAST,
    proportions: float = 0.0,
) -> PoseSet:
    """Film recordings with cameras, and return the poses that the cameras see.

    cameras: "h36m", the four of Human3.6M, or "random" (random_rig): for every two seconds, as many
    new cameras as views says. keypoints: "exact" projections; "detected", with the errors of
    detector_model.detect; or "wild", COCO's keypoints with the errors of wild_detector, converted
    to Human3.6M's joints and completed as read_keypoints does. Keypoints with a confidence below
    least_confidence count as not seen. proportions: how much the bodies differ from those recorded,
    another body for each shot (bodies.other_proportions); 0 keeps them. Pictures of random cameras
    and wild keypoints are redrawn for a training camera (training_view), as predict's input is:
    pose3d and root are in that camera's frame, and rotation leads back. Rows are ordered by
    recording, camera and frame. The cameras, bodies and noise of a recording depend only on seed,
    its subject and its name.
    """
    for name, value, known in (("keypoints", keypoints, KEYPOINTS), ("cameras", cameras, CAMERAS)):
        if value not in known:
            raise ValueError(f"unknown {name} {value!r}: choose from {', '.join(known)}")
    if views < 1:
        raise ValueError(f"views must be at least 1, got {views}")
    if not 0 <= proportions <= 0.3:
        raise ValueError(f"proportions lies between 0 and 0.3, got {proportions}")
    columns: dict[str, list[torch.Tensor]] = {}
    actions, sequences = [], []
    for take in recordings:
        noise = crc32(f"{take.subject}/{take.name}".encode())
        seen = _seen(
            take,
            cameras,
            views,
            keypoints == "wild" or proportions > 0,
            np.random.default_rng([seed, 5, noise]),
        )
        if proportions > 0:
            bodies = np.random.default_rng([seed, 6, noise])
            pose, coco = other_proportions(seen.pose.numpy(), seen.coco, proportions, bodies)
            seen = seen._replace(pose=torch.from_numpy(pose), coco=coco)
        kp2d, confidence = _keypoints(
            take, seen, keypoints, np.random.default_rng([seed, 1, noise]), least_confidence
        )
        there = torch.from_numpy(seen.there).T
        if keypoints == "wild":
            there = there & _worth_keeping(kp2d, confidence, seen.picture).T
        action = take.name.split(" ")[0]
        if action not in actions:
            actions.append(action)
        count, seen_by = seen.pose.shape[:2]
        number = torch.arange(len(sequences), len(sequences) + seen_by)
        rows = {
            "kp2d": kp2d.transpose(0, 1).float(),
            "pose3d": (seen.pose - seen.pose[:, :, :1]).transpose(0, 1).float(),
            "root": seen.pose[:, :, 0].transpose(0, 1).float(),
            "confidence": confidence.transpose(0, 1).float(),
            "intrinsics": seen.intrinsics[:, None].expand(seen_by, count, 9),
            "sequence": number[:, None].expand(seen_by, count),
            "action": torch.full((seen_by, count), actions.index(action)),
            "frame": torch.from_numpy(seen.frame).T * take.stride,
        }
        for name, value in rows.items():
            columns.setdefault(name, []).append(value[there])
        sequences += [f"{take.subject}/{take.name}/{camera}" for camera in range(seen_by)]
    tensors = {name: torch.cat(parts) for name, parts in columns.items()}
    if cameras == "random" or keypoints == "wild":
        tensors |= _redrawn(tensors, complete=keypoints == "wild")
    texts = {"source": source, "keypoints": keypoints, "skeleton": skeleton}
    return PoseSet(**tensors, actions=actions, sequences=sequences, **texts)


def _seen(take: Recording, cameras: str, views: int, coco: bool, rng: np.random.Generator) -> Seen:
    """The recording in the frames of its cameras."""
    points = None
    if coco:
        points = coco_points(take.world) if take.coco is None else take.coco
    if cameras == "random":
        length = max(1, round(SHOT * FPS / take.stride))
        shots = random_shots(take.world, length, views, rng)
        lens = torch.zeros(len(shots.focal), 9)
        lens[:, :2] = torch.from_numpy(shots.focal).float()[:, None]
        pose = torch.from_numpy(shots.seen(take.world))
        points = None if points is None else shots.seen(points)
        return Seen(pose, points, lens, shots.picture, shots.frame, shots.there)
    rig = h36m_cameras(take.cameras)

    def through(world):
        world = torch.from_numpy(world)
        return torch.stack([world_to_camera(world, camera) for camera in rig], dim=1)

    frame = np.arange(len(take.world))[:, None].repeat(len(rig), axis=1)
    return Seen(
        through(take.world),
        None if points is None else through(points).numpy(),
        torch.stack([camera.intrinsics for camera in rig]),
        np.array([(camera.width, camera.height) for camera in rig]),
        frame,
        np.ones(frame.shape, dtype=bool),
    )


def _keypoints(
    take: Recording, seen: Seen, kind: str, rng: np.random.Generator, least: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """2D joints (L, S, J, 2) in screen units and confidence (L, S, J), 0 where a joint is not
    seen.
    """
    camera = seen.intrinsics.to(seen.pose)
    seconds = take.stride / FPS
    if kind == "wild":
        screen = _on_screen(torch.from_numpy(seen.coco), camera).numpy()
        kp2d, confidence = detect_wild(seen.coco, screen, seen.picture, seconds, rng)
        confidence = np.where(confidence >= least, confidence, 0.0)
        kp2d, confidence = to_h36m(kp2d, confidence, "coco17")
        return torch.from_numpy(kp2d), torch.from_numpy(confidence)
    kp2d = _on_screen(seen.pose, camera)
    if kind == "exact":
        return kp2d, torch.ones(kp2d.shape[:-1])
    kp2d, confidence = (torch.from_numpy(x) for x in detect(kp2d.numpy(), seconds, rng))
    return kp2d, confidence


def _worth_keeping(
    kp2d: torch.Tensor, confidence: torch.Tensor, picture: np.ndarray
) -> torch.Tensor:
    """Those (L, S) of whom read_keypoints makes a pose: enough is seen, and not in one point."""
    seen = (confidence > 0)[..., None]
    high = kp2d.masked_fill(~seen, -torch.inf).amax(-2)
    extent = (high - kp2d.masked_fill(~seen, torch.inf).amin(-2)).amax(-1)
    return (seen.sum((-1, -2)) >= ENOUGH) & (extent > torch.from_numpy(4 / picture[:, 0]))


def _on_screen(points: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
    """Points (L, S, K, 3) in the frames of S cameras (S, 9) -> (L, S, K, 2), also where they are
    too far outside for project, which stops at 45 degrees.
    """
    if camera[:, 4:].any():
        return project(points.transpose(0, 1), camera).transpose(0, 1)
    rays = points[..., :2] / points[..., 2:].clamp_min(0.05)
    return rays * camera[:, None, :2] + camera[:, None, 2:4]


def _redrawn(tensors: dict[str, torch.Tensor], *, complete: bool) -> dict[str, torch.Tensor]:
    """Joints not seen filled in where asked for, and everything as a training camera has it."""
    kp2d = tensors["kp2d"]
    unseen = (tensors["confidence"] <= 0).any(1)
    if complete and unseen.any():
        kp2d = kp2d.clone()
        some = filled(kp2d[unseen].numpy(), tensors["confidence"][unseen].numpy() > 0)[0]
        kp2d[unseen] = torch.from_numpy(some).float()
    view = training_view(kp2d, tensors["intrinsics"])
    turn = view.rotation.transpose(1, 2)
    return {
        "kp2d": view.kp2d,
        "intrinsics": view.intrinsics,
        "rotation": view.rotation,
        "pose3d": tensors["pose3d"] @ turn,
        "root": (tensors["root"][:, None] @ turn)[:, 0],
    }
