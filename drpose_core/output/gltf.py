"""A moving person as binary glTF, by pygltflib: for web pages, slides and Blender.

A node for each joint, and one for each bone, which is moved, turned and stretched in every frame,
so that all joints are exactly where they were predicted. It is there to be looked at; for a rig
take BVH. Metres, y up.
"""

import importlib.util
from pathlib import Path

import numpy as np

from ..skeleton import BONES, JOINTS, LEFT, RIGHT
from ..support import written_whole
from .bvh import shortest_turns
from .motion import checked_motion

THICK = 0.045  # metres, of a bone
_COLORS = ((0.02, 0.27, 0.74), (0.91, 0.13, 0.012), (0.16, 0.17, 0.22))  # left, right, middle
# A bone of length 1 along y, thickest near its beginning, as Blender draws bones.
_CORNERS = np.array(
    [(0, 0, 0), (0.5, 0.2, 0), (0, 0.2, 0.5), (-0.5, 0.2, 0), (0, 0.2, -0.5), (0, 1, 0)], np.float32
)
_AROUND = [(1 + n, 1 + (n + 1) % 4) for n in range(4)]
_FACES = np.array([f for a, b in _AROUND for f in ((0, a, b), (5, b, a))], np.uint16)


def need_pygltflib(path: str | Path) -> None:
    """Raise ValueError with a sentence if pygltflib is not installed."""
    if importlib.util.find_spec("pygltflib") is None:
        raise ValueError(f"{path}: glTF needs pygltflib: pip install pygltflib, or take .bvh")


def write_glb(path: str | Path, positions, fps: float = 30.0, start: float = 0.0) -> None:
    """Write positions (T, 17, 3) of Human3.6M's joints, metres, y up; the animation begins at 0.

    Raises ValueError for wrong shapes and numbers that are not finite.
    """
    need_pygltflib(path)
    positions = checked_motion("a glTF file", positions, fps)
    file = _File(np.arange(len(positions)) / fps)
    for joint, name in enumerate(JOINTS):
        file.node(name, None, translation=positions[:, joint])
    for parent, child in BONES:
        along = positions[:, child] - positions[:, parent]
        length = np.linalg.norm(along, axis=1)
        thick = np.full_like(length, THICK)
        file.node(
            f"{JOINTS[parent]} to {JOINTS[child]}",
            0 if child in LEFT else 1 if child in RIGHT else 2,
            translation=positions[:, parent],
            rotation=_turned(along),
            scale=np.stack([thick, length, thick], axis=1),
        )
    with written_whole(path) as temporary:
        temporary.write_bytes(file.content())


class _File:
    """A glTF file with one animation of these times, and a bone's mesh in each colour."""

    def __init__(self, times: np.ndarray):
        import pygltflib

        self._g = g = pygltflib
        self._file, self._blob = g.GLTF2(asset=g.Asset(generator="drpose"), scene=0), bytearray()
        corners = self._accessor(_CORNERS, g.VEC3, g.ARRAY_BUFFER)
        faces = self._accessor(_FACES.reshape(-1, 1), g.SCALAR, g.ELEMENT_ARRAY_BUFFER)
        self._times = self._accessor(times[:, None].astype(np.float32), g.SCALAR)
        for n, color in enumerate(_COLORS):
            look = g.PbrMetallicRoughness(
                baseColorFactor=[*color, 1], metallicFactor=0, roughnessFactor=0.6
            )
            self._file.materials.append(g.Material(pbrMetallicRoughness=look, doubleSided=True))
            part = g.Primitive(attributes=g.Attributes(POSITION=corners), indices=faces, material=n)
            self._file.meshes.append(g.Mesh(primitives=[part]))
        self._file.nodes.append(g.Node(name="person", children=[]))
        self._file.scenes.append(g.Scene(nodes=[0]))
        self._file.animations.append(g.Animation(name="motion"))

    def node(self, name: str, mesh: int | None, **motion: np.ndarray) -> None:
        """A node of the person; motion: translation, rotation and scale at all times, (T, n)."""
        g, nodes, animation = self._g, self._file.nodes, self._file.animations[0]
        nodes[0].children.append(len(nodes))
        start = {path: values[0].tolist() for path, values in motion.items()}
        nodes.append(g.Node(name=name, mesh=mesh, **start))
        for path, values in motion.items():
            kind = g.VEC4 if path == "rotation" else g.VEC3
            output = self._accessor(values.astype(np.float32), kind)
            target = g.AnimationChannelTarget(node=len(nodes) - 1, path=path)
            sampler = len(animation.samplers)
            animation.samplers.append(g.AnimationSampler(input=self._times, output=output))
            animation.channels.append(g.AnimationChannel(sampler=sampler, target=target))

    def content(self) -> bytes:
        self._file.buffers.append(self._g.Buffer(byteLength=len(self._blob)))
        self._file.set_binary_blob(bytes(self._blob))
        return b"".join(self._file.save_to_bytes())

    def _accessor(self, array: np.ndarray, kind: str, target: int | None = None) -> int:
        """Put rows of numbers (n, m) into the file."""
        g, data = self._g, array.tobytes()
        start, number = len(self._blob), len(self._file.accessors)
        self._blob.extend(data + b"\0" * (-len(data) % 4))
        self._file.bufferViews.append(
            g.BufferView(buffer=0, byteOffset=start, byteLength=len(data), target=target)
        )
        size = g.UNSIGNED_SHORT if array.dtype == np.uint16 else g.FLOAT
        count = len(array)
        low, high = array.min(0).tolist(), array.max(0).tolist()
        self._file.accessors.append(
            g.Accessor(
                bufferView=number, componentType=size, count=count, type=kind, min=low, max=high
            )
        )
        return number


def _turned(along: np.ndarray) -> np.ndarray:
    """Quaternions (T, 4), x y z w, that turn y into the directions along (T, 3): from frame to
    frame by the shortest way, so that a bone does not spin.
    """
    before = np.concatenate([[(0.0, 1.0, 0.0)], along[:-1]])
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    turns = list(shortest_turns(before, along))
    for n in range(1, len(turns)):
        turns[n] = turns[n] * turns[n - 1]
    quaternions = np.array([turn.as_quat() for turn in turns])
    signs = np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1, 1)
    quaternions[1:] *= np.cumprod(signs)[:, None]
    return quaternions
