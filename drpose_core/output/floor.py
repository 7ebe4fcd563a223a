"""Where the floor is, estimated from the people who stand on it: a camera does not know what is up.

The camera must stand still. Three facts are weighed against each other (a Gaussian estimate): films
are taken with the camera about level, people are upright on average, and the lower foot of each
frame is on the floor.
"""

from typing import NamedTuple

import numpy as np

from ..skeleton import JOINTS

# How far from the truth each fact is, one standard deviation: measured on Human3.6M's cameras and
# on four tilted ones (tests/test_floor.py); LEVEL is for a camera held by hand.
LEVEL, UPRIGHT, FLAT = np.radians(20), np.radians(12), 0.12
FORGET = 25  # poses that count as one of their own: frames of a film are alike
STANDING = 0.4  # the share of frames in which the lower foot may be below the floor
ANKLE = 0.08  # metres from the joint named foot, which is the ankle, to the floor
STRETCHED = 0.88  # of the body's full length from feet to thorax, in who stands or walks
_FEET = [JOINTS.index("right foot"), JOINTS.index("left foot")]
_THORAX = JOINTS.index("thorax")


class Floor(NamedTuple):
    """A world to stand in. Its origin is on the floor below the camera; x to the camera's right, y
    up, z towards the camera.
    """

    rotation: np.ndarray  # (3, 3): direction in the world = rotation @ direction in the camera
    height: float  # of the camera, metres

    def world(self, places) -> np.ndarray:
        """Places (..., 3) in the camera's frame -> in the world."""
        return np.asarray(places, dtype=float) @ self.rotation.T + (0, self.height, 0)


def estimate_floor(places) -> Floor:
    """The floor below people whose joints are at places (N, 17, 3), metres, in the frame of one
    camera that stands still (x right, y down, z away): an estimate.

    Closed form: the direction u that minimises |u - level|^2 / LEVEL^2 + n |u - body|^2 /
    UPRIGHT^2 + n mean((u . foot)^2) / FLAT^2, with feet relative to their mean and n the number of
    poses that tell something new. Raises ValueError for wrong shapes and numbers not finite.
    """
    places = np.asarray(places, dtype=float)
    if places.ndim != 3 or places.shape[1:] != (len(JOINTS), 3) or not len(places):
        raise ValueError(f"a floor needs places (N, {len(JOINTS)}, 3), got {places.shape}")
    if not np.isfinite(places).all():
        raise ValueError("places hold NaN or infinite numbers: leave those frames out")
    n = 1 + len(places) / FORGET
    level = np.array([0.0, -1, 0])
    body = places[:, _THORAX] - places[:, _FEET].mean(1)
    body /= np.linalg.norm(body, axis=1, keepdims=True).clip(1e-9)
    standing = body[_stretched(places) & (body @ level > 0.5)]  # who sits or lies tells nothing
    upright = len(standing) / len(body) * n / UPRIGHT**2
    a, b = np.eye(3) / LEVEL**2, level / LEVEL**2
    if len(standing):
        a, b = a + upright * np.eye(3), b + upright * standing.mean(0)
    up = np.linalg.solve(a, b)
    for _ in range(3):  # which foot is the lower one depends on what is up
        up /= np.linalg.norm(up)
        feet = np.take_along_axis(
            places[:, _FEET], (places[:, _FEET] @ up).argmin(1)[:, None, None], axis=1
        )[:, 0]
        about = feet - feet.mean(0)
        up = np.linalg.solve(a + n / FLAT**2 * (about.T @ about) / len(feet), b)
    up /= np.linalg.norm(up)
    back = np.array([0, 0, -1.0]) + up * up[2]
    back /= np.linalg.norm(back)
    rotation = np.stack([np.cross(up, back), up, back])
    return Floor(rotation, ANKLE - float(np.quantile(feet @ up, STANDING)))


def _stretched(places: np.ndarray) -> np.ndarray:
    """Whose thorax is about as far from the feet as the bones between them allow, (N,)."""
    leg = [np.linalg.norm(places[:, a] - places[:, b], axis=1) for a, b in ((1, 2), (2, 3))]
    whole = sum(leg) + np.linalg.norm(places[:, _THORAX] - places[:, 0], axis=1)
    reach = np.linalg.norm(places[:, _THORAX] - places[:, _FEET].mean(1), axis=1)
    return reach > STRETCHED * whole
