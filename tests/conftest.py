"""Small things that several tests share."""

import pytest
import torch

import drpose_core as dr

LONG = ("test_notebooks.py", "test_explorer.py", "test_runs.py", "test_cli.py")


def pytest_collection_modifyitems(items):
    """The longest files first, so that in two processes neither waits for the other at the end."""
    order = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def poses():
    """A few hundred synthetic test poses, 50 Hz steps of 0.5 s."""
    return dr.synthetic_poses("test", stride=25, seconds=2, takes=1)


@pytest.fixture
def small_model():
    """An untrained model, small in depth, that is not the identity anywhere."""
    torch.manual_seed(0)
    return dr.DRPose(dr.ModelConfig(depth=2)).eval()
