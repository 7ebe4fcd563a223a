"""drpose_core: 3D human pose hypotheses by diffusion (DRPose, Kang et al., arXiv 2401.04921).

Letters: B poses in a batch, H hypotheses, K sampling steps, J = 17 joints, C channels, N poses in a set.
Metres inside, millimetres in tables and figures (names end in _mm). Camera frame, relative to joint 0 unless the name says root.
"""

from .cameras import h36m_cameras, normalize_screen, project, screen_to_pixels
from .checkpoints import checkpoint_record, export_published, load_checkpoint, load_published, save_checkpoint
from .data import PoseSet, batches
from .denoiser import Denoiser
from .diffusion import CosineSchedule, Step, ddim, with_flip
from .lifters import LIFTERS, build_lifter
from .metrics import hypothesis_errors, mpjpe, p_mpjpe
from .model import DRPose, ModelConfig, denoise_fn, denoising_loss, lifting_loss, sample_poses
from .runtime import generator, hypothesis_generators
from .skeleton import BONES, JOINTS, flip
from .sources import h36m_poses
