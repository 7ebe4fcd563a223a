"""Films: the denoiser that sees time. Clips of a PoseSet, noise that remembers itself, a branch
over the frames in every layer, long films joined in every denoising step, and scores of motion.
"""

from .clips import Clips, When, runs, windows
from .denoiser import FilmDenoiser
from .lifter import FilmDCGCT, film_lifting_loss, with_film_poses
from .model import CausalFilmDRPose, FilmDRPose, film_loss
from .noise import correlated, per_film
from .sampling import denoise_film, sample_film
from .scores import hypothesis_scores, motion_scores
from .smoothing import one_euro, savitzky_golay
from .stream import FilmStream

__all__ = [
    "CausalFilmDRPose",
    "Clips",
    "FilmDCGCT",
    "FilmDRPose",
    "FilmDenoiser",
    "FilmStream",
    "When",
    "correlated",
    "denoise_film",
    "film_lifting_loss",
    "film_loss",
    "hypothesis_scores",
    "motion_scores",
    "one_euro",
    "per_film",
    "runs",
    "sample_film",
    "savitzky_golay",
    "windows",
    "with_film_poses",
]
