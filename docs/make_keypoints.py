"""Make notebooks/example_keypoints.json: python docs/make_keypoints.py

Two people of the synthetic figure, one of them far back and at the side, projected into the picture
of a phone's camera and written as MMPose writes COCO's keypoints. The figure has no face: nose,
eyes and ears are put on its head in human proportions. Made up, no detection.
"""

import json

import torch

import drpose_core as dr
from drpose_core.keypoints.formats import FORMATS
from drpose_core.keypoints.viewpoint import pinhole

PATH = dr.project_root() / "notebooks" / "example_keypoints.json"
WIDTH, HEIGHT, FIELD_OF_VIEW, FPS = 1920, 1080, 65.0, 25
# action, camera that gives the side they show, where they stand
PEOPLE = (("Greeting", 0, (-0.4, 0.1, 4.2)), ("Walking", 1, (3.2, -0.3, 8.5)))
FRAMES = 24


def main() -> None:
    keypoints = made()
    detections = [
        {
            "frame_id": frame,
            "instances": [
                {"keypoints": person.round(1).tolist(), "keypoint_scores": [0.9] * len(person)}
                for person in keypoints[frame].numpy().astype(float)
            ],
        }
        for frame in range(FRAMES)
    ]
    story = "two synthetic figures projected by docs/make_keypoints.py; nothing was detected"
    about = {
        "dataset_name": "coco",
        "image_size": [WIDTH, HEIGHT],
        "fps": FPS,
        "description": story,
    }
    lines = ",\n".join(json.dumps(frame) for frame in detections)
    PATH.write_text(f'{{"meta_info": {json.dumps(about)},\n"instance_info": [\n{lines}\n]}}\n')
    print(f"written to {PATH}, {PATH.stat().st_size / 1000:.0f} kB")


def made() -> torch.Tensor:
    """Pixels (frames, people, 17, 2) of COCO's joints."""
    screen = dr.project(people().flatten(0, 1), pinhole(WIDTH, HEIGHT, FIELD_OF_VIEW))
    return dr.screen_to_pixels(screen, WIDTH, HEIGHT).unflatten(0, (FRAMES, len(PEOPLE)))


def people() -> torch.Tensor:
    """COCO's joints in space, (frames, people, 17, 3), metres in front of the phone."""
    found = []
    test = dr.synthetic_poses("test", seconds=1.2 * FRAMES / FPS, stride=2, takes=1)
    for action, camera, place in PEOPLE:
        sequence = next(
            n
            for n, name in enumerate(test.sequences)
            if name.startswith(f"S9/{action} ") and name.endswith(f"/{camera}")
        )
        pose = test.pose3d[test.sequence == sequence][:FRAMES]
        found.append(with_face(pose) + torch.tensor(place))
    return torch.stack(found, dim=1)


def with_face(pose: torch.Tensor) -> torch.Tensor:
    """Human3.6M's joints (T, 17, 3) -> COCO's (T, 17, 3)."""
    at = {name: pose[:, n] for n, name in enumerate(dr.JOINTS)}

    def unit(x):
        return x / x.norm(dim=-1, keepdim=True)

    up = unit(at["head"] - at["neck"])
    left = unit(at["left shoulder"] - at["right shoulder"])
    front = unit(torch.linalg.cross(left, up))
    left = torch.linalg.cross(up, front)
    # metres to the left, up, to the front
    face = {
        "nose": (0.0, 0.01, 0.10),
        "left eye": (0.03, 0.04, 0.085),
        "left ear": (0.075, 0.03, 0.0),
    }
    face |= {
        name.replace("left", "right"): (-x, y, z)
        for name, (x, y, z) in face.items()
        if "left" in name
    }
    for name, (x, y, z) in face.items():
        at[name] = at["neck"] + x * left + y * up + z * front
    return torch.stack([at[name] for name in FORMATS["coco17"].joints], dim=1)


if __name__ == "__main__":
    main()
