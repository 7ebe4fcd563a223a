"""What the train command trains, as a notebook cell."""

from dataclasses import dataclass, field
from pathlib import Path

from ..settings import ModelConfig
from ..training import TrainConfig
from ..weights import PICKLED
from .words import Source


def _one_epoch() -> TrainConfig:
    return TrainConfig(epochs=1)


@dataclass(frozen=True)
class Job:
    """All that decides a training from the command line."""

    # Where the poses come from.
    source: Source = "synthetic"
    # The folder with the source's files (default: data/); people and synthetic need none.
    data: Path | None = None
    # The checkpoint (default: checkpoints/<source>.safetensors, which the notebooks load).
    out: Path | None = None
    # The state for resuming, and the histories; a relative path lies in output/runs/ (default:
    # <name of out>-<digits>).
    folder: Path | None = None
    # The model.
    model: ModelConfig = field(default_factory=ModelConfig)
    # How to train the lifter.
    lifter: TrainConfig = field(default_factory=_one_epoch)
    # How to train the denoiser.
    denoiser: TrainConfig = field(default_factory=_one_epoch)
    # For all random numbers; --lifter.seed and --denoiser.seed replace it unless they are 0.
    seed: int = 0
    # Take the lifter from a checkpoint (.safetensors) or published weights (.pth) instead of
    # training one.
    lifter_from: Path | None = None
    # Predictions for the training and test poses (npz) to refine instead of a lifter's poses.
    predictions: Path | None = None
    # Compute the denoiser's layers in bfloat16.
    bf16: bool = False
    # Compile the denoiser first (needs a C++ compiler; takes a minute).
    compile: bool = False
    # Write the checkpoint in float16.
    half: bool = False
    # Delete what an earlier run left in the folder, and train from scratch.
    afresh: bool = False


def notebook_cell(job: Job) -> str:
    """Python that trains what the command trains, with a live figure; job with its defaults
    filled in.
    """
    lines = ["import torch", "import drpose_core as dr", "from drpose_core import plots", ""]
    lines += [f"torch.manual_seed({job.seed})", "device = dr.device()"]
    lines += [f'poses = dr.load_poses({job.source!r}, "train", {_path(job.data)}).to(device)']
    if job.predictions:
        lines += [f"poses = dr.with_predictions(poses, {_path(job.predictions)})"]
    if job.lifter_from:
        published = f"dr.load_published_lifter({_path(job.lifter_from)}, {job.model.lifter!r})"
        own = f"dr.load_checkpoint({_path(job.lifter_from)}).lifter"
        lines += [f"lifter = {published if job.lifter_from.suffix in PICKLED else own}.to(device)"]
    else:
        made = repr(job.model.lifter) + ", confidence=True" * job.model.confidence
        lines += [f"lifter = dr.build_lifter({made}).to(device)"]
    if not job.lifter_from and not job.predictions:
        lines += _training(job, "lifter", "lifter", "dr.lifting_loss")
    lines += [f"model = dr.build_model(dr.{job.model}, lifter).to(device)"]
    lines += ["model.denoiser.bf16 = True"] * job.bf16
    lines += ["model.denoiser.compile()"] * job.compile
    lines += ["poses = dr.with_initial_poses(model, poses)"]
    lines += _training(job, "denoiser", "model", "type(model).loss")
    record = '{"train": poses.describe()}'
    return "\n".join([*lines, f"dr.save_checkpoint({_path(job.out)}, model, record={record})"])


def _path(path: Path | None) -> str:
    return repr(None if path is None else str(path.absolute()))


def _training(job: Job, part: str, module: str, loss: str) -> list[str]:
    where = f"{_path(job.folder / part)}, {module}, {loss}, poses, config"
    return [
        f"config = dr.{getattr(job, part)}",
        f"for step in dr.train_in({where}, watch=plots.live_losses()):",
        "    pass",
    ]
