"""Rotations from angles about fixed axes."""

import numpy as np


def turn_in_order(degrees: np.ndarray, order: str) -> np.ndarray:
    """(3, 3) for fixed-axis angles applied in the given order, as "XYZ": x first."""
    matrix = np.eye(3)
    for angle, axis in zip(degrees, order.lower()):
        angles = np.zeros((1, 3))
        angles[0, "xyz".index(axis)] = angle
        matrix = turns_about_axes(angles)[0] @ matrix
    return matrix


def turns_about_axes(degrees: np.ndarray) -> np.ndarray:
    """(T, 3) angles about x, y, z -> (T, 3, 3) rotations, x applied first."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)).T, np.sin(np.radians(degrees)).T
    rows = [
        [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
        [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
        [-sy, sx * cy, cx * cy],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
