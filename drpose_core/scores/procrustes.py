"""The best similarity transform between poses, in closed form for whole batches: no singular value
decompositions but for rare poses.

Everything is laid out as nine, or three, long contiguous vectors over the poses, so that a step of
the formula is one pass over memory.
"""

import torch

# Below this the two best rotations are nearly as good as each other (a pose on a line, a mirrored
# one with two equal axes), and the closed form loses digits; those poses take the decomposition.
DEGENERATE = 1e-6


def procrustes_align(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """pred moved, turned and scaled (never mirrored) to be nearest to target in the least-squares
    sense.

    pred, target (..., J, 3), leading axes broadcast -> (..., J, 3). Where all joints of pred fall
    together no turn helps, and every joint goes to the target's centre. Raises ValueError for NaN
    or infinite numbers. Source: Umeyama 1991 for the transform.
    """
    moved, _, center = _aligned(pred, target)
    dtype = torch.promote_types(pred.dtype, target.dtype)
    return (torch.stack(moved) + center).movedim((0, 1), (-1, -2)).to(dtype)


def aligned_errors(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Distance per joint after procrustes_align(pred, target): (..., J, 3) each -> (..., J)."""
    moved, q, _ = _aligned(pred, target)
    square = sum((a - b).square_() for a, b in zip(moved, q))
    return square.sqrt_().movedim(0, -1)


def _aligned(
    pred: torch.Tensor, target: torch.Tensor
) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Aligned joints around the target's centre, three of (J, ...); the target around its centre
    (3, J, ...); that centre (3, 1, ...).
    """
    if pred.shape[-1] != 3 or pred.shape[-2:] != target.shape[-2:]:
        raise ValueError(
            f"poses must be (..., J, 3) with the same J, got {tuple(pred.shape)} and "
            f"{tuple(target.shape)}"
        )
    if not (torch.isfinite(pred).all() and torch.isfinite(target).all()):
        raise ValueError("poses hold NaN or infinite numbers: no alignment exists")
    axes = max(pred.ndim, target.ndim)
    p, q = (
        x[(None,) * (axes - x.ndim)].movedim((-1, -2), (0, 1)).contiguous() for x in (pred, target)
    )
    p = p - p.mean(1, keepdim=True)
    center = q.mean(1, keepdim=True)
    q = q - center
    tiny = torch.finfo(torch.float64).tiny
    p_size, q_size = (x.square().sum((0, 1), dtype=torch.float64).sqrt() for x in (p, q))
    extreme = any(x.numel() and not (x.min() > 1e-15 and x.max() < 1e15) for x in (p_size, q_size))
    if extreme and p.dtype != torch.float64:  # their squares may have left float32
        return _aligned(pred.double(), target.double())
    inverse = 1 / (p_size * q_size).clamp_min(tiny)
    covariance = [
        [(p[a] * q[b]).sum(0, dtype=torch.float64) * inverse for b in range(3)] for a in range(3)
    ]
    rotation, fit = best_rotation(covariance)
    scale = fit * q_size / p_size.clamp_min(tiny)
    turn = [[(entry * scale).to(p.dtype) for entry in row] for row in rotation]
    return [p[0] * turn[0][c] + p[1] * turn[1][c] + p[2] * turn[2][c] for c in range(3)], q, center


def best_rotation(b: list[list[torch.Tensor]]) -> tuple[list[list[torch.Tensor]], torch.Tensor]:
    """The rotation R nearest to B = p^T q of unit poses (p R is nearest to q), entry by entry, and
    tr(R^T B), how well it fits (at most 1).

    b: nine float64 tensors of one shape. The fit is the largest root of the quartic x^4 - 2 |B|^2
    x^2 - 8 det(B) x + |B|^4 - 4 |cof B|^2, the characteristic polynomial of Horn's quaternion
    matrix, found by Newton's method from above; the rotation follows by Markley 1993 (FOAM), eq.
    12-16. A reflection is never returned.
    """
    cofactor = [[_minor(b, i, j) for j in range(3)] for i in range(3)]
    det = sum(x * c for x, c in zip(b[0], cofactor[0]))
    square = sum(x * x for row in b for x in row)
    constant = square * square - 4 * sum(c * c for row in cofactor for c in row)
    x = torch.ones_like(det)
    for _ in range(60):  # quadratic, but halving near a double root
        slope = 4 * (x * (x * x - square) - 2 * det)
        value = x * (x * (x * x - 2 * square) - 8 * det) + constant
        step = torch.where(slope > 0, value / slope.clamp_min(1e-300), 0).clamp_min(0)
        x = x - step
        if step.numel() == 0 or step.max() < 1e-15:
            break
    kappa = (x * x - square) / 2
    zeta = kappa * x - det
    inverse = 1 / zeta.clamp_min(DEGENERATE)
    own, mixed = (kappa + square) * inverse, x * inverse
    gram = [
        [sum(b[i][k] * b[j][k] for k in range(3)) * inverse for j in range(3)] for i in range(3)
    ]
    rotation = [
        [
            own * b[i][j] + mixed * cofactor[i][j] - sum(gram[i][k] * b[k][j] for k in range(3))
            for j in range(3)
        ]
        for i in range(3)
    ]
    hard = zeta < DEGENERATE
    if hard.any():
        few = torch.stack(
            [torch.stack([entry[hard] for entry in row], dim=-1) for row in b], dim=-2
        )
        r, fit = _decomposed(few)
        x[hard] = fit
        for i in range(3):
            for j in range(3):
                rotation[i][j][hard] = r[..., i, j]
    return rotation, x


def _minor(b: list[list[torch.Tensor]], i: int, j: int) -> torch.Tensor:
    """Entry (i, j) of the cofactor matrix."""
    (r, s), (c, d) = ((i + 1) % 3, (i + 2) % 3), ((j + 1) % 3, (j + 2) % 3)
    return b[r][c] * b[s][d] - b[r][d] * b[s][c]


def _decomposed(b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same of matrices (..., 3, 3), by singular value decomposition."""
    u, s, vh = torch.linalg.svd(b)
    sign = torch.ones_like(s)
    sign[..., 2] = torch.det(
        u @ vh
    ).sign()  # a reflection would fit better: give up the weakest axis instead
    return u @ (sign[..., None] * vh), (s * sign).sum(-1)
