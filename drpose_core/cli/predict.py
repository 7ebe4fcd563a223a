"""The command that predicts poses of one's own pictures."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import tyro

from ..keypoints import (
    FIELD_OF_VIEW,
    FILMS,
    FORMATS,
    PICTURES,
    Keypoints,
    detect_keypoints,
    pinhole,
    read_keypoints,
)
from ..output import check_path, write_predictions
from ..prediction import STRANGE_FIT, Prediction, forget, predict
from ..scores import ANSWERS
from ..support import device as find_device
from ..support import project_root
from ..weights import latest_checkpoint, load_model
from .words import How, Published, command_line, trained_on


def command(
    keypoints: tyro.conf.Positional[Path],
    out: tuple[Path, ...] = (),
    html: Path | None = None,
    format: Literal[tuple(FORMATS)] | None = None,
    image_size: tuple[int, int] | None = None,
    field_of_view: float | None = None,
    least_confidence: float | None = None,
    checkpoint: Path | None = None,
    lifter: Published = "dcgct",
    sampling: How = {},  # noqa: B006 (read only)
    answer: Literal[ANSWERS] = "mean",
    fps: float | None = None,
    seed: int = 0,
    device: str | None = None,
    mode: Literal["lightweight", "balanced", "performance"] = "balanced",
) -> None:
    """Predict 3D poses of people in a picture or film, from the keypoints of a 2D detector, or from
    the picture itself.

    After an interruption, the same command resumes.

    Args:
        keypoints: JSON of MMPose, AlphaPose or OpenPose, a folder of such files, or (with pip
            install -e .[image]) a picture or a film.
        out: What to write, one or more: .json (everything), .csv or .parquet (the answers), .bvh
            (motion). Default: output/<name>.json.
        html: Also write a page with sliders for the first person's first frames; needs no network.
        format: The joints of the file (default: recognised).
        image_size: Width and height of the picture in pixels (default: the file's, or a guess,
            which is reported).
        field_of_view: Of the camera, degrees over the picture's longer side (default: 47, assumed);
            a phone's main camera has 65 to 75.
        least_confidence: Keypoints with a lower confidence count as not seen (default:
            depends on the tool).
        checkpoint: The model, or published weights (.pth). Default: yours of h36m, cmu or synthetic
            poses, else the kit's own (synthetic).
        lifter: The initial model inside published weights (.pth).
        sampling: Changes to the checkpoint's sampling settings.
        answer: How one pose is computed from the hypotheses.
        fps: Frames per second of a .bvh (default: the film's, else 30).
        seed: For the noise.
        device: cpu, cuda, ... (default: the first GPU if there is one).
        mode: The size of the detector, if one is used.
    """
    keypoints = keypoints.expanduser().resolve()
    out = tuple(map(check_path, out or (project_root() / "output" / f"{keypoints.stem}.json",)))
    if fps is not None and not fps > 0:
        raise ValueError(f"--fps must be positive, got {fps:g}")
    angle = FIELD_OF_VIEW if field_of_view is None else field_of_view
    pinhole(1, 1, angle)  # refuses what is no angle
    explorer = None if html is None else _explorer()
    where = find_device(device)
    path = checkpoint or latest_checkpoint("h36m", "cmu", "synthetic")
    model = load_model(path, lifter, where)

    found = _keypoints(
        keypoints,
        out[0].with_name(f"{keypoints.stem}-keypoints"),
        format,
        image_size,
        least_confidence,
        mode,
        where.type,
    )
    print(found)
    print(
        f"field of view {angle:g} degrees over the longer "
        f"side{' assumed' if field_of_view is None else ''}"
    )
    print(f"model {path.name}, trained on {trained_on(model)}")
    poses = found.poses(field_of_view=angle).to(where)
    keep = out[0].with_name(f"{out[0].stem}-unfinished")
    how, settings = model.sampling.but(**sampling), {"answer": answer, "seed": seed}
    fps = fps or found.fps
    about = {
        "command": command_line(),
        "checkpoint": path.name,
        "keypoints": found.name,
        "picture": [found.width, found.height],
    }
    about |= {"field_of_view": angle, "fps": fps, "notes": found.notes}
    about |= asdict(how) | settings
    doubted: list[tuple[float, int]] = []
    parts = _noting_doubts(predict(model, poses, how, **settings, keep=keep), doubted)
    for name in write_predictions(out, parts, fps=fps or 30.0, about=about):
        print("written to", name)
    if explorer is not None:
        print("written to", _explored(explorer, model, poses, how, settings).save_html(html))
    forget(keep)
    if doubted:
        worst, frame = max(doubted)
        print(
            f"{len(doubted):,} of {len(poses):,} answers do not look like their keypoints, worst "
            f"in frame {frame}: "
            f"the joints are off by {100 * worst:.0f} % of the person's size"
        )


def _noting_doubts(
    parts: Iterator[Prediction], doubted: list[tuple[float, int]]
) -> Iterator[Prediction]:
    """The parts as they come; the misfit and the frame of doubtful answers are added to doubted."""
    for part in parts:
        for misfit, frame in zip(part.misfit.tolist(), part.poses.frame.tolist()):
            if misfit > STRANGE_FIT:
                doubted.append((misfit, frame))
        yield part


def _keypoints(
    path: Path,
    folder: Path,
    format: str | None,
    image_size: tuple[int, int] | None,
    least: float | None,
    mode: str,
    device: str,
) -> Keypoints:
    pictures = (
        path.is_dir()
        and not any(path.glob("*.json"))
        and any(p.suffix.lower() in PICTURES for p in path.iterdir())
    )
    with warnings.catch_warnings():
        # what is warned of stands in the notes, which are printed
        warnings.filterwarnings("ignore", category=UserWarning)
        if not pictures and path.suffix.lower() not in PICTURES + FILMS:
            return read_keypoints(
                path, format=format, image_size=image_size, least_confidence=least
            )
        if format or image_size:
            raise ValueError(
                "--format and --image-size are for keypoints from a file; a picture has both"
            )
        return detect_keypoints(path, folder, mode=mode, device=device, least_confidence=least)


def _explored(explorer, model, poses, how, settings: dict):
    """The explorer with the settings of the command, so that its page shows what the files hold."""
    shown = explorer(model, poses, how, seed=settings["seed"])
    shown.controls.answer.value = settings["answer"]
    return shown


def _explorer():
    try:
        # needs plotly and ipywidgets, which nothing else here does
        from ..explorer import HypothesisExplorer
    except ImportError as error:
        raise ValueError(
            f"--html needs {error.name}: pip install -e .[notebooks], or leave it out"
        ) from None
    return HypothesisExplorer
