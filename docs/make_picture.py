"""Make the README's picture: python docs/make_picture.py (needs `pip install kaleido` and a Chromium)."""

import torch

import drpose_core as dr
from drpose_core import plots

POSE, TIMES = 5, [999, 300, 100, 40, 10]

poses = dr.load_poses("synthetic", "test")
one = poses[torch.randperm(len(poses), generator=dr.generator(0))[[POSE]]]
model = dr.load_checkpoint(dr.project_root() / "checkpoints" / "default.safetensors")
samples = dr.sample_poses(model, one.kp2d, hypotheses=20, steps=5, spacing=TIMES, generator=dr.hypothesis_generators(0, 20))
title = f"{one.actions[one.action[0]]}: what fits the 2D joints"
figure = plots.hypotheses_figure(samples[-1, 0], kp2d=one.kp2d[0], truth=one.pose3d[0], title=title, source=one.source)
figure.update_scenes(camera_eye={"x": 1.75, "y": -0.95, "z": 0.35})  # from the side, where hypotheses differ
figure.write_image(dr.project_root() / "docs" / "hypotheses.png", width=1100, height=560)
