"""The command that scores."""

import importlib.util
from dataclasses import asdict
from pathlib import Path

import torch

from ..evaluation import assess, forget
from ..scores import table
from ..sources import load_poses
from ..support import device as find_device
from ..support import distributed_run, generator, project_root, world_size
from ..weights import latest_checkpoint, load_model, with_predictions
from .words import How, Published, Source, command_line, trained_on


def command(
    source: Source = "people",
    data: Path | None = None,
    keypoints: str | None = None,
    checkpoint: Path | None = None,
    lifter: Published = "dcgct",
    predictions: Path | None = None,
    sampling: How = {},  # noqa: B006 (read only)
    every_step: bool = True,
    poses: int | None = None,
    seed: int = 0,
    device: str | None = None,
    bf16: bool = False,
    compile: bool = False,
    parquet: bool = False,
    out: Path | None = None,
) -> None:
    """Score a checkpoint on the test subjects and write a report: answers without and with the
    ground truth (oracles), calibration, the published layout.

    After an interruption, the same command resumes. Several processes can share the poses:
    torchrun --nproc-per-node 2 -m drpose_core evaluate ...

    Args:
        source: Where the poses come from.
        data: The folder with the source's files (default: data/); people and synthetic need none.
        keypoints: 2D input other than the source's default: exact or detected; for h36m the name
            of a file, such as gt or cpn_ft_h36m_dbb.
        checkpoint: The model (default: checkpoints/<source>.safetensors if there, else the kit's
            own), or published weights (.pth).
        lifter: The initial model inside published weights (.pth).
        predictions: Refine the poses of this file instead of the lifter's.
        sampling: Changes to the checkpoint's sampling settings.
        every_step: Score every step, not only the last.
        poses: Use this many test poses, drawn at random (default: all).
        seed: For the noise and the choice of poses.
        device: cpu, cuda, ... (default: the first GPU if there is one).
        bf16: Compute the denoiser's layers in bfloat16: faster with compile or on a GPU; changes
            poses by about 0.3 mm.
        compile: Compile the denoiser first; needs a C++ compiler; saves time from a few
            thousand hypotheses on.
        parquet: Write the scores as Parquet too (needs pyarrow).
        out: The folder of the report (default: output/evaluation-<source>).
    """
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise ValueError(
            "--parquet needs pyarrow: pip install pyarrow, or leave it out for CSV alone"
        )
    if poses is not None and poses < 1:
        raise ValueError(f"--poses must be at least 1, got {poses}")
    from ..output.report import write_report  # needs plotly, which nothing else here does

    out = out or project_root() / "output" / f"evaluation-{source}"
    with distributed_run() as rank:
        where = find_device(device)
        path = checkpoint or latest_checkpoint(source)
        model = load_model(path, lifter, where)
        test = load_poses(source, "test", data, keypoints=keypoints)
        if poses is not None:
            test = test[torch.randperm(len(test), generator=generator(seed))[:poses]]
        test = with_predictions(test, predictions) if predictions else test
        model.denoiser.bf16 = bf16
        if compile:
            model.denoiser.compile()
        how = model.sampling.but(**sampling)
        options = {"every_step": every_step, "seed": seed}
        found = assess(model, test.to(where), how, **options, resume=out / "unfinished")
        if rank == 0:
            facts = {
                "checkpoint": f"{path.name}, trained on {trained_on(model)}",
                "device": f"{where}, {world_size()} process(es)",
            }
            facts["settings"] = ", ".join(
                f"{name} {value}" for name, value in (asdict(how) | options).items()
            )
            report = write_report(
                out, found, command=command_line(), facts=facts, source=test.source, parquet=parquet
            )
            forget(out / "unfinished")
            print(
                f"{table(found.scores).round(1).to_string()}\n{len(test):,} poses, "
                f"{test.source}\nwritten to {report}"
            )
