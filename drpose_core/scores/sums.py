"""Sums whose order cannot change a digit."""

import torch
from torch import distributed

UNIT = 1e-9  # a nanometre where numbers are metres


class ExactSums:
    """Sums of numbers by group, counted in whole billionths as integers, so that batches, shards
    and resumed runs agree to the last digit.
    """

    def __init__(self, groups: int, sums: dict[str, torch.Tensor] | None = None):
        self.groups, self.sums = groups, sums or {}

    def add(self, numbers: dict[str, torch.Tensor], group: torch.Tensor) -> None:
        """Add numbers (B, ...) by name to their groups (B,)."""
        for name, value in numbers.items():
            value = (value.double() / UNIT).round().long().cpu()
            empty = torch.zeros(self.groups, *value.shape[1:], dtype=torch.int64)
            self.sums.setdefault(name, empty).index_add_(0, group.cpu(), value)

    def gather(self) -> None:
        """Add up what the processes of a distributed run have, in each of them."""
        shares = [None] * distributed.get_world_size()
        distributed.all_gather_object(shares, self.sums)
        shares = [share for share in shares if share]  # a process may have had no batch
        self.sums = {name: sum(share[name] for share in shares) for name in shares[0]}

    def totals(self) -> dict[str, torch.Tensor]:
        """The sums by name, (groups, ...) float64."""
        return {name: total.double() * UNIT for name, total in self.sums.items()}
