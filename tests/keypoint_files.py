"""Files of keypoints as detectors write them, for tests: people at known places, written by the
rules of the tools' own code.
"""

import json

import numpy as np

from drpose_core.keypoints.formats import FORMATS
from drpose_core.skeleton import JOINTS


def detected(pixels, form):
    """What a detector of a format would mark: the joints it shares, and a face and feet at
    plausible places.
    """
    at = {name: pixels[:, j] for j, name in enumerate(JOINTS)}
    up = (at["head"] - at["neck"]) / 2
    across = (at["left shoulder"] - at["right shoulder"]) / 5
    at |= {
        "nose": at["neck"] + 0.1 * up,
        "left eye": at["neck"] + 0.4 * up + 0.4 * across,
        "left ear": at["neck"] + 0.3 * up + across,
    }
    at |= {
        "right eye": at["neck"] + 0.4 * up - 0.4 * across,
        "right ear": at["neck"] + 0.3 * up - across,
    }
    at |= {"crown": at["head"], "neck base": at["thorax"], "pelvis": at["hip"]}
    at |= {"upper neck": at["neck"]}
    for side in ("left", "right"):
        at |= {f"{side} eye {part}": at[f"{side} eye"] for part in ("inner", "outer")}
        at |= {f"{side} {part}": at[f"{side} wrist"] for part in ("pinky", "index", "thumb")}
        at |= {f"mouth {side}": at["nose"], f"{side} foot index": at[f"{side} foot"] + (6, 9)}
    for side in ("left", "right"):
        at |= {
            f"{side} {toe}": at[f"{side} foot"] + (5, 9) for toe in ("big toe", "small toe", "heel")
        }
    return np.stack([at[name] for name in FORMATS[form].joints], axis=1)


def mmpose_instances(people):
    """mmpose.structures.utils.split_instances: bbox is a tuple of a list."""
    return [
        {
            "keypoints": xy.tolist(),
            "keypoint_scores": c.tolist(),
            "bbox": [[*xy.min(0).tolist(), *xy.max(0).tolist()]],
            "bbox_score": 0.93,
        }
        for xy, c in people
    ]


def mmpose_inferencer(folder, frames):
    """MMPoseInferencer(..., pred_out_dir=...):

    a film is a list of frames, indented by two spaces.
    """
    content = [
        {"frame_id": n, "instances": mmpose_instances(people)} for n, people in enumerate(frames)
    ]
    (folder / "film.json").write_text(json.dumps(content, indent="  "))
    return folder / "film.json"


def mmpose_inferencer_pictures(folder, frames):
    """The same of a folder of pictures: a file a picture, a list of people."""
    out = folder / "predictions"
    out.mkdir()
    for n, people in enumerate(frames):
        (out / f"img{n + 8}.json").write_text(json.dumps(mmpose_instances(people), indent="  "))
    return out


def mmpose_demo(folder, frames, dataset="coco"):
    """topdown_demo_with_mmdet.py --save-predictions: json_tricks writes arrays as dictionaries,
    frames count from 1.
    """
    weights = {"__ndarray__": [1.0] * 17, "dtype": "float32", "shape": [17]}
    about = {
        "dataset_name": dataset,
        "num_keypoints": 17,
        "keypoint_id2name": {"0": "nose"},
        "joint_weights": weights,
        "sigmas": weights,
    }
    info = [
        {"frame_id": n + 1, "instances": mmpose_instances(people)}
        for n, people in enumerate(frames)
    ]
    (folder / "results_film.json").write_text(
        json.dumps({"meta_info": about, "instance_info": info}, indent="\t")
    )
    return folder / "results_film.json"


def mmpose_demo_picture(folder, frames, dataset="coco"):
    (folder / "results_img.json").write_text(
        json.dumps(
            {"meta_info": {"dataset_name": dataset}, "instance_info": mmpose_instances(frames[0])},
            indent="\t",
        )
    )
    return folder / "results_img.json"


def alphapose(folder, frames, follow=False):
    """alphapose.utils.pPose_nms.write_json: one list, frames without people are not there."""
    rows = []
    for n, people in enumerate(frames):
        for who, (xy, c) in enumerate(people):
            row = {
                "image_id": f"{n}.jpg",
                "category_id": 1,
                "keypoints": np.column_stack([xy, c]).ravel().tolist(),
                "score": 2.9,
            }
            row["box"] = [*xy.min(0).tolist(), *np.ptp(xy, axis=0).tolist()]
            rows.append(row | ({"idx": who + 1} if follow else {"idx": [0.0]}))
    (folder / "alphapose-results.json").write_text(json.dumps(rows))
    return folder / "alphapose-results.json"


def alphapose_open(folder, frames):
    """--format open: OpenPose's 18 joints, a dictionary of pictures."""
    content = {}
    for n, people in enumerate(frames):
        flat = [
            {"pose_keypoints_2d": np.column_stack([xy, c]).ravel().tolist()} for xy, c in people
        ]
        content[f"{n}.jpg"] = {"version": "AlphaPose v0.3", "people": flat}
    (folder / "alphapose-results.json").write_text(json.dumps(content))
    return folder / "alphapose-results.json"


def openpose(folder, frames):
    """--write_json: a file a frame; a joint that was not found is 0, 0, 0."""
    out = folder / "json"
    out.mkdir()
    for n, people in enumerate(frames):
        entries = []
        for xy, c in people:
            flat = np.column_stack([np.where(c[:, None] > 0, xy, 0), c]).ravel().round(3).tolist()
            more = {
                f"{part}_keypoints_{d}d": []
                for part in ("face", "hand_left", "hand_right")
                for d in (2, 3)
            }
            entries.append(
                {"person_id": [-1], "pose_keypoints_2d": flat, "pose_keypoints_3d": [], **more}
            )
        (out / f"film_{n:012d}_keypoints.json").write_text(
            json.dumps({"version": 1.3, "people": entries})
        )
    return out
