"""Dropout whose random numbers are cheap on a CPU, and its operator for torch.compile."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from ..support import own_rows


def _random_bytes(rows: int, each: int, number: int) -> torch.Tensor:
    """(rows, each) random bytes from torch's global generator; number changes nothing."""

    def draw(n, _):
        return (
            torch.empty((n * each + 7) // 8, dtype=torch.int64)
            .random_(-(2**63), None)
            .view(torch.uint8)[: n * each]
            .view(n, each)
        )

    return own_rows(draw, rows)


# For torch.compile, which must not look inside: it would draw with generators of its own, and break
# its graph in two at every dropout. It would also take two equal calls for one, and give both
# layers the same mask: hence a number that is each layer's own.
_random_bytes_op = torch.library.custom_op(
    "drpose::random_bytes", _random_bytes, mutates_args=(), tags=[torch.Tag.nondeterministic_seeded]
)
_random_bytes_op.register_fake(
    lambda rows, each, number: torch.empty(rows, each, dtype=torch.uint8)
)


_NUMBERS = itertools.count()


class Dropout(nn.Module):
    """Dropout whose random numbers are cheap on a CPU: one byte an element, so p is rounded to
    1/256 there.

    nn.Dropout's float draws take a quarter of a training step on two cores. On a GPU its fused
    kernel is used instead.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p
        self._number = next(_NUMBERS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p, training=True)
        dropped = max(1, round(256 * self.p))  # of 256
        draw = _random_bytes_op if torch.compiler.is_compiling() else _random_bytes
        # a mask of bools would take twice the time
        keep = draw(len(x), x[0].numel(), self._number).view(x.shape).to(x.dtype).ge_(dropped)
        return x * keep.mul_(256 / (256 - dropped))
