"""Small things that several tests share."""

import pytest
import torch

import drpose_core as dr


@pytest.fixture(scope="session")
def poses():
    """A few hundred synthetic test poses, 50 Hz steps of 0.5 s."""
    return dr.synthetic_poses("test", stride=25, seconds=2, takes=1)


@pytest.fixture
def small_model():
    """An untrained model, small in depth, that is not the identity anywhere."""
    torch.manual_seed(0)
    return dr.DRPose(dr.ModelConfig(depth=2)).eval()
