"""The command that turns published weights into own checkpoints, and back."""

from pathlib import Path

import torch
import tyro

from ..support import written_whole
from ..weights import PICKLED, export_published, load_checkpoint, load_published, save_checkpoint
from .words import Published


def command(
    source: tyro.conf.Positional[Path],
    out: tyro.conf.Positional[Path],
    lifter: Published = "dcgct",
    lifter_only: bool = False,
) -> None:
    """Convert published DRPose weights (.pth) into a checkpoint of this kit (.safetensors), or the
    other way round.

    Args:
        source: The file to read, .pth or .safetensors.
        out: The file to write, of the other kind.
        lifter: The initial model in a published file.
        lifter_only: Write only the initial model, in the layout of its own authors (to .pth).
    """
    if source.suffix in PICKLED and lifter_only:
        raise ValueError(
            f"a lifter alone is no checkpoint: drpose train --lifter-from {source} "
            "trains a denoiser on it"
        )
    if source.suffix in PICKLED and out.suffix == ".safetensors":
        save_checkpoint(out, load_published(source, lifter))
    elif source.suffix == ".safetensors" and out.suffix in PICKLED:
        model = load_checkpoint(source)
        with written_whole(out) as temporary:
            torch.save(export_published(model.lifter if lifter_only else model), temporary)
    else:
        raise ValueError(
            f"convert reads .pth and writes .safetensors or the other way round, got {source.name} "
            f"and {out.name}"
        )
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
