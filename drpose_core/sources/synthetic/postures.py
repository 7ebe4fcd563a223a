"""Ways to be: walking, standing, sitting, sitting on the floor. Computed, not recorded."""

import numpy as np

from .figure import Body, Motion
from .movement import STEP_WIDTH, glide, holds, level, sway, whole_motion


def walk(rng, t, body: Body, *, speed=1.1, lean=0.06) -> Motion:
    """Rounds through the room: stance feet do not slide, swinging feet lift, arms swing against the
    legs.
    """
    speed = speed * rng.uniform(0.85, 1.15)
    radius = rng.uniform(0.8, 1.5)
    # The path is known beyond both ends: a foot stands where the body will be over it.
    fine = np.arange(t[0] - 2, t[-1] + 3, 0.02)
    angle = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * speed / radius * fine
    reach = radius + 0.12 * sway(rng, fine, 8, 1)[:, 0]
    path = reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1) + rng.uniform(-0.2, 0.2, 2)
    velocity = np.gradient(path, 0.02, axis=0)
    heading = np.unwrap(np.arctan2(velocity[:, 1], velocity[:, 0]))

    def at(when):
        return np.stack([np.interp(when, fine, path[:, i]) for i in (0, 1)], -1), np.interp(
            when, fine, heading
        )

    stride = 1.35 * body.leg / speed * rng.uniform(0.92, 1.08)  # seconds for two steps
    phase = t / stride + rng.uniform()
    offset = phase[0] - t[0] / stride
    foot = np.empty((len(t), 2, 3))
    for i, side in enumerate((-1, 1)):
        cycle = phase + 0.5 * i
        count, part = np.floor(cycle), cycle % 1  # the first 0.4 of a cycle swings, the rest stands
        # middle of the stance, seconds
        landings = [((count + k + 0.7 - 0.5 * i) - offset) * stride for k in (-1, 0)]
        places = [level(*at(when), STEP_WIDTH / 2 * 0.8, 0.0, side) for when in landings]
        s = np.clip(part / 0.4, 0, 1)
        swing, stance = s * s * (3 - 2 * s), np.clip((part - 0.4) / 0.6, 0, 1)
        foot[:, i, :2] = places[0] + swing[:, None] * (places[1] - places[0])
        lift = np.where(
            part < 0.4,
            0.06 * (1 - swing) + 0.08 * np.sin(np.pi * swing),
            0.06 * glide((stance - 0.5) / 0.5),
        )
        foot[:, i, 2] = body.ankle + lift
    xy, yaw = at(t)
    stance_side = np.sin(2 * np.pi * phase)  # towards the right foot while the left swings
    xy = level(xy, yaw, 0.02 * stance_side, 0.0, 1)
    height = body.ankle + 0.985 * body.leg - 0.015 * np.cos(4 * np.pi * phase)
    m = whole_motion(rng, t, np.column_stack([xy, height]), yaw, foot, _knees(t), lean=lean)
    swing = rng.uniform(0.18, 0.38) * np.stack(
        [np.cos(2 * np.pi * (phase - 0.95)), np.cos(2 * np.pi * (phase - 0.45))], 1
    )
    hand = m.hand.copy()
    hand[..., 1] += swing
    hand[..., 2] += 0.10 + 0.25 * np.abs(swing)
    twist = m.trunk + np.stack(
        [0 * phase, 0 * phase, 0.10 * np.cos(2 * np.pi * (phase - 0.45))], -1
    )
    return m._replace(
        hand=hand, trunk=twist, tilt=m.tilt + np.stack([0 * phase, 0.04 * stance_side], -1)
    )


def _knees(t, outward=0.15, forward=1.0, up=0.0) -> np.ndarray:
    return np.broadcast_to(np.array([outward, forward, up]), (len(t), 2, 3)).copy()


def stand(
    rng, t, body: Body, *, width=STEP_WIDTH, crouch: np.ndarray | float = 0.0, restless=(1.5, 5.0)
) -> Motion:
    """On the spot: weight shifts, and now and then a step to another place and heading, one foot
    after the other.
    """
    xy = np.tile(rng.uniform(-0.6, 0.6, 2), (len(t), 1))
    yaw = np.full(len(t), rng.uniform(-np.pi, np.pi))
    place, heading = xy[0].copy(), yaw[0]

    def plant(side):
        return level(
            place, heading, width / 2 * rng.uniform(0.8, 1.5), rng.uniform(-0.10, 0.10), side
        )

    foot = np.empty((len(t), 2, 3))
    stands = [plant(-1), plant(1)]
    foot[:, 0, :2], foot[:, 1, :2], foot[..., 2] = *stands, body.ankle
    now = t[0] + rng.uniform(*restless)
    while now < t[-1]:
        duration = rng.uniform(0.8, 1.2)
        move, spin = rng.uniform(-0.3, 0.3, 2), rng.uniform(-1.0, 1.0)
        progress = glide((t - now) / duration)
        xy += progress[:, None] * move
        yaw += progress * spin
        place, heading = place + move, heading + spin
        for k, i in enumerate(rng.permutation(2)):
            swing = glide((t - now - 0.5 * k * duration) / (0.5 * duration))
            target = plant((-1, 1)[i])
            foot[:, i, :2] += swing[:, None] * (target - stands[i])
            foot[:, i, 2] += 0.06 * np.sin(np.pi * swing)
            stands[i] = target
        now += duration + rng.uniform(*restless)
    xy = xy + 0.03 * sway(rng, t, 3, 2)
    height = body.ankle + (0.985 - crouch) * body.leg + 0.008 * sway(rng, t, 3, 1)[:, 0]
    return whole_motion(rng, t, np.column_stack([xy, height]), yaw, foot, _knees(t, outward=0.2))


def sit(rng, t, body: Body) -> Motion:
    """On a chair: feet on the floor, stretched, tucked or with crossed ankles; the back upright or
    leaning.
    """
    yaw = rng.uniform(-np.pi, np.pi) + 0.08 * sway(rng, t, 5, 1)[:, 0]
    xy = rng.uniform(-0.5, 0.5, 2) + 0.012 * sway(rng, t, 4, 2)
    height = np.full(len(t), body.ankle + body.shank + rng.uniform(-0.05, 0.02))
    # outward, forward
    options = np.array(
        [(0.10, 0.46), (0.14, 0.50), (0.08, 0.28), (0.10, 0.70), (-0.06, 0.60), (0.22, 0.45)]
    )
    foot = np.empty((len(t), 2, 3))
    for i, side in enumerate((-1, 1)):
        spot = holds(rng, t, options * body.leg / 0.87, hold=(2, 6), jitter=0.02)
        foot[:, i, :2] = level(xy, yaw, spot[:, 0], spot[:, 1], side)
        moving = np.linalg.norm(np.gradient(spot, t, axis=0), axis=-1)
        foot[:, i, 2] = body.ankle + 0.05 * np.tanh(moving / 0.3)
    m = whole_motion(rng, t, np.column_stack([xy, height]), yaw, foot, _knees(t, 0.12, 0.7, 0.8))
    back = holds(rng, t, [(0.05,), (-0.18,), (0.30,)], hold=(2, 5), jitter=0.05)
    return m._replace(trunk=m.trunk + np.pad(back, ((0, 0), (0, 2))), tilt=m.tilt - 0.12)


def sit_on_floor(rng, t, body: Body) -> Motion:
    """Down to the floor from standing (or seated from the start): legs stretched, drawn up or
    crossed, hands on knees or behind.
    """
    yaw = rng.uniform(-np.pi, np.pi) + 0.06 * sway(rng, t, 5, 1)[:, 0]
    down = glide((t - rng.uniform(-2.0, 0.35 * t[-1])) / rng.uniform(1.6, 2.4))
    xy = rng.uniform(-0.5, 0.5, 2) + 0.01 * sway(rng, t, 4, 2)
    seat = 0.09 + rng.uniform(0, 0.03)
    height = (1 - down) * (body.ankle + 0.98 * body.leg) + down * seat
    # outward, forward of the feet in leg lengths; outward, forward, up of the knees
    styles = {
        "stretched": (0.12, 0.95, 0.1, 0.2, 1.0),
        "drawn up": (0.14, 0.52, 0.1, 0.3, 1.0),
        "crossed": (-0.10, 0.36, 1.0, 0.3, 0.35),
    }
    both = rng.choice(list(styles))
    foot, knee = np.empty((len(t), 2, 3)), np.empty((len(t), 2, 3))
    for i, side in enumerate((-1, 1)):
        style = styles[
            both
            if both == "crossed" or rng.uniform() < 0.6
            else rng.choice(["stretched", "drawn up"])
        ]
        shift = 0.03 * sway(rng, t, 4, 2)
        outward = (1 - down) * 0.11 + down * (style[0] + 0.05 * shift[:, 0]) * body.leg
        # The feet wait in front while the body goes down behind them.
        forward = (
            (1 - down) * 0.02
            + (down * style[1] + 0.25 * np.sin(np.pi * down) * (style[1] < 0.6)) * body.leg
            + shift[:, 1] * down
        )
        foot[:, i, :2] = level(xy, yaw, outward, forward, side)
        foot[:, i, 2] = body.ankle
        knee[:, i] = (1 - down)[:, None] * np.array([0.3, 1.0, 0.2]) + down[:, None] * np.array(
            style[2:]
        )
    m = whole_motion(rng, t, np.column_stack([xy, height]), yaw, foot, knee)
    lean = (
        0.9 * np.sin(np.pi * np.clip(down, 0, 1))
        + down * holds(rng, t, [(0.25,), (0.5,), (-0.1,)], hold=(2, 5))[:, 0]
    )
    tilt = m.tilt + np.stack([-0.35 * down, 0 * down], -1)
    spots = {
        "knees": (0.16, 0.40, 0.32),
        "behind": (0.22, -0.30, 0.02),
        "ankles": (0.05, 0.45, 0.10),
    }
    prop = np.stack(
        [holds(rng, t, [spots[k] for k in spots], hold=(2, 5), jitter=0.02) for _ in range(2)],
        axis=1,
    )
    prop[..., 2] = np.maximum(prop[..., 2], 0.03 - seat)  # not through the floor
    return m._replace(
        trunk=m.trunk + np.stack([lean, 0 * lean, 0 * lean], -1),
        tilt=tilt,
        prop=prop,
        resting=np.stack([down, down], 1),
    )
