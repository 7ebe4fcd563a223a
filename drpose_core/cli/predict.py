"""The command that predicts poses of one's own pictures."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import tyro

from ..keypoints import (
    DETECTORS,
    FIELD_OF_VIEW,
    FILMS,
    FORMATS,
    PICTURES,
    Keypoints,
    detect_keypoints,
    pinhole,
    read_keypoints,
)
from ..output import Film, check_overlay, write_predictions
from ..output import overlay as draw_overlay
from ..prediction import STRANGE_FIT, Prediction, forget, predict
from ..scores import ANSWERS
from ..support import device as find_device
from .jobs import Job, jobs, source_of
from .models import Models, own_or_default
from .words import How, Published, command_line, trained_on


def command(
    keypoints: tyro.conf.Positional[tuple[Path, ...]],
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
    detector: Literal[DETECTORS] = "blazepose",
    overlay: Path | None = None,
    film: Path | None = None,
) -> None:
    """Predict 3D poses of people in a picture or film, from the keypoints of a 2D detector, or from
    the picture itself.

    After an interruption, the same command resumes. Each of several inputs has its own result;
    files of one frame each, in one folder, are one film.

    Args:
        keypoints: What a pose detector wrote (JSON, csv, npy, npz, labels; docs/keypoint_files.md
            lists the tools), a folder with a file per frame, or (with pip install -e .[image]) a
            picture or a film. One or more.
        out: What to write, one or more: .json (everything), .csv or .parquet (the answers),
            .angles.csv (joint angles), .bvh, .trc or .glb (motion). With several inputs, the name
            of each is added. Default: output/<name>.json.
        html: Also write a page with sliders for the first person's first frames; needs no network.
        format: The joints of the file (default: recognised).
        image_size: Width and height of the picture in pixels (default: the file's, or a guess,
            which is reported).
        field_of_view: Of the camera, degrees over the picture's longer side (default: 47, assumed);
            a phone's main camera has 65 to 75.
        least_confidence: Keypoints with a lower confidence count as not seen (default:
            depends on the tool).
        checkpoint: The model, or published weights (.pth). Default: yours of films, h36m or cmu
            poses, or the kit's own: one for pictures, and one for films, which sees each frame with
            its neighbours.
        lifter: The initial model inside published weights (.pth).
        sampling: Changes to the checkpoint's sampling settings.
        answer: How one pose is computed from the hypotheses.
        fps: Frames per second of .bvh, .trc and .glb, and for a film model (default: the film's,
            else 30).
        seed: For the noise.
        device: cpu, cuda, ... (default: the first GPU if there is one).
        detector: Of pictures and films: blazepose comes with the kit; rtmpose-... (with pip install
            -e .[image,rtmpose]) is better, of several people above all, and fetches its weights.
        overlay: Also the film with the poses drawn into it, and in space beside it: .mp4 or .gif;
            of a picture also .png or .jpg (needs pip install -e .[film]).
        film: The film or picture that a keypoint file is of, for --overlay.
    """
    reads = [checkpoint or own_or_default(), *([] if film is None else [film])]
    todo = jobs(keypoints, out, also=[html, overlay], reads=reads)
    films = _films(todo, overlay, film)
    if fps is not None and not fps > 0:
        raise ValueError(f"--fps must be positive, got {fps:g}")
    angle = FIELD_OF_VIEW if field_of_view is None else field_of_view
    pinhole(1, 1, angle)  # refuses what is no angle
    explorer = None if html is None else _explorer()
    where = find_device(device)
    # a page shows every frame on its own, and shall show what the files hold
    models = Models(checkpoint, lifter, where, by_picture=explorer is not None)
    models.first.sampling.but(**sampling)  # refuses what cannot be done
    settings = {"answer": answer, "seed": seed}
    view = f"field of view {angle:g} degrees over the longer side"
    view += " assumed" if field_of_view is None else ""
    failed: list[str] = []
    for job, filmed in zip(todo, films):
        try:
            size = image_size or ((filmed.width, filmed.height) if film else None)
            found = _keypoints(job, format, size, least_confidence, detector, where.type)
            poses = found.poses(field_of_view=angle).to(where)
            rate = fps or found.fps or (filmed and float(filmed.fps or 0)) or None
            used, model, pace = models.of(poses, rate)
            how = model.sampling.but(**sampling)
            print(f"{found}\n{view}\nmodel {used.name}, trained on {trained_on(model)}")
            if pace:
                frames = model.config.frames
                print(f"a film: the model sees {frames} frames at once, {pace:g} a second")
            about = {
                "command": command_line(),
                "source": str(job.place),
                "checkpoint": used.name,
                "keypoints": found.name,
                "picture": [found.width, found.height],
                "field_of_view": angle,
                "fps": rate,
                "notes": found.notes,
            }
            keep = job.out[0].with_name(f"{job.out[0].stem}-unfinished")
            parts = predict(model, poses, how, **settings, keep=keep, fps=pace)
            parts = list(parts) if overlay else parts
            _write(job, iter(parts), rate, about | asdict(how) | settings)
            if overlay:
                print("written to", draw_overlay(parts, filmed.path, job.own(overlay)))
            if explorer is not None:
                page = _explored(explorer, model, poses, how, settings)
                print("written to", page.save_html(job.own(html)))
            forget(keep)
        except (ValueError, OSError) as error:
            if len(todo) == 1:
                raise
            failed.append(str(error) if str(job.place) in str(error) else f"{job.place}: {error}")
            print("error:", failed[-1])
    if failed:
        raise ValueError(f"{len(failed)} of {len(todo)} failed, the first: {failed[0]}")


def _films(todo: list[Job], overlay: Path | None, film: Path | None) -> list[Film | None]:
    """The film of each job, if its overlay can be written; ValueError with a sentence if not."""
    if overlay is None:
        if film is not None:
            raise ValueError("--film is for --overlay, which is missing")
        return [None] * len(todo)
    if film is not None and len(todo) > 1:
        raise ValueError(f"--film is the film of one input, and there are {len(todo)}")
    if film is None and any(job.place.suffix.lower() not in PICTURES + FILMS for job in todo):
        raise ValueError("--overlay needs the film of the keypoints: --film film.mp4")
    return [check_overlay(job.own(overlay), film or job.place) for job in todo]


def _write(job: Job, parts: Iterator[Prediction], fps: float | None, about: dict) -> None:
    """Write a job's files as its predictions come, and say what is odd."""
    doubted: list[tuple[float, int]] = []
    counted: list[int] = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default", UserWarning)
        parts = _noting_doubts(parts, doubted, counted)
        for name in write_predictions(job.out, parts, fps=fps or 30.0, about=about):
            print("written to", name)
    for warning in said:
        print(warning.message)
    if doubted:
        worst, frame = max(doubted)
        print(
            f"{len(doubted):,} of {sum(counted):,} answers do not look like their keypoints, worst "
            f"in frame {frame}: "
            f"the joints are off by {100 * worst:.0f} % of the person's size"
        )


def _noting_doubts(
    parts: Iterator[Prediction], doubted: list[tuple[float, int]], counted: list[int]
) -> Iterator[Prediction]:
    """The parts as they come; the misfit and the frame of doubtful answers are added to doubted,
    the number of answers to counted.
    """
    for part in parts:
        counted.append(len(part))
        for misfit, frame in zip(part.misfit.tolist(), part.poses.frame.tolist()):
            if misfit > STRANGE_FIT:
                doubted.append((misfit, frame))
        yield part


def _keypoints(
    job: Job,
    format: str | None,
    image_size: tuple[int, int] | None,
    least: float | None,
    detector: str,
    device: str,
) -> Keypoints:
    """Those in a file, or those of a picture, which are kept beside the result."""
    place = job.place
    pictures = place.suffix.lower() in PICTURES + FILMS or (
        place.is_dir()
        and all(map(source_of, place.glob("*.json")))  # none but results of an earlier call
        and any(p.suffix.lower() in PICTURES for p in place.iterdir())
    )
    with warnings.catch_warnings():
        # what is warned of stands in the notes, which are printed
        warnings.filterwarnings("ignore", category=UserWarning)
        if not pictures:
            return read_keypoints(
                job.given, format=format, image_size=image_size, least_confidence=least
            )
        if format or image_size:
            raise ValueError(
                "--format and --image-size are for keypoints from a file; a picture has both"
            )
        return detect_keypoints(
            place, job.keypoints(), detector=detector, device=device, least_confidence=least
        )


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
