"""Detectors by name: each takes a picture (height, width, 3), BGR, and gives keypoints
(people, K, 2) in pixels and scores (people, K).

blazepose comes with the kit. RTMPose (Jiang et al. 2023) is more accurate, above all of several
people; rtmlib fetches its weights at first use and keeps them.
"""

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .blazepose import BlazePose

Find = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Kind(NamedTuple):
    format: str  # of the keypoints
    package: str  # that must be installed
    extra: str  # that brings it


_RTMPOSE = Kind("halpe26", "rtmlib", "image,rtmpose")
KINDS = {
    "blazepose": Kind("mediapipe33", "ai_edge_litert", "image"),
    "rtmpose-lightweight": _RTMPOSE,
    "rtmpose-balanced": _RTMPOSE,
    "rtmpose-performance": _RTMPOSE,
}
DETECTORS = tuple(KINDS)


def needed(name: str) -> str | None:
    """What must be installed for a detector, in words; None if it is there. ValueError for an
    unknown name.
    """
    if name not in KINDS:
        raise ValueError(f"unknown detector {name!r}: choose from {', '.join(DETECTORS)}")
    packages = "cv2", KINDS[name].package
    if all(importlib.util.find_spec(package) for package in packages):
        return None
    return f"pip install -e '.[{KINDS[name].extra}]'"


def made(name: str, device: str) -> Find:
    """A detector, on cpu or cuda (RTMPose with onnxruntime-gpu; BlazePose always on the CPU)."""
    if name == "blazepose":
        return BlazePose()
    body = _rtmpose(name.partition("-")[2], device)

    def find(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes = body.det_model(image)
        if not len(boxes):  # without a box rtmlib would take the whole picture for a person
            return np.zeros((0, 26, 2)), np.zeros((0, 26))
        return body.pose_model(image, bboxes=boxes)

    return find


def _rtmpose(mode: str, device: str):
    from rtmlib import BodyWithFeet

    try:
        return BodyWithFeet(mode=mode, backend="onnxruntime", device=device)
    except (
        Exception
    ) as error:  # no network, a full disk, a file cut short: rtmlib raises what comes
        reason = " ".join(str(error).split()) or type(error).__name__
        urls = " and ".join(BodyWithFeet.MODE[mode][part] for part in ("det", "pose"))
        where = "~/.cache/rtmlib/hub/checkpoints"
        raise OSError(
            f"RTMPose's weights could not be fetched or read ({reason}): rtmlib takes {urls} and "
            f"keeps them in {where}; blazepose needs no network"
        ) from None
