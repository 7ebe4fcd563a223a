"""One frame of an overlay: the picture with what was found in it, people in space, and words."""

import numpy as np

from ..skeleton import BONES
from .canvas import mixed, pen
from .person import WHITE, Moment, Person
from .stage import PAPER, Body, Stage, draw_stage, faint

INK, FAINT_INK, EDGE = (45, 48, 58), (140, 144, 155), (20, 22, 28)
_BONES = np.array(BONES)


def draw_page(picture, people: dict[int, Person], frame: int, stage: Stage):
    """The picture (Pillow's), drawn on, with the people in space in stage.box beside it."""
    from PIL import Image

    left, upper, width, height = stage.box
    page = Image.new("RGB", (left + width, height), PAPER)
    there = {n: m for n, person in people.items() if (m := person.at(frame)) is not None}
    for number, moment in there.items():
        _draw_over(picture, people[number], moment)
    page.paste(picture, (0, 0))
    bodies = [Body(m.pose, m.hypotheses, m.spread, people[n].colors) for n, m in there.items()]
    with pen(page, [(left, upper), (left + width, upper + height)], 0) as space:
        draw_stage(space, stage, bodies)
    _write_words(page, people, there, stage)
    return page


def _draw_over(picture, person: Person, moment: Moment) -> None:
    """Hypotheses thin, the answer thick with a dark edge, keypoints as white dots."""
    width = float(np.clip(0.009 * np.ptp(moment.pose2d, axis=0).max(), 1.5, 8))
    cloud = moment.hypotheses2d
    everything = np.concatenate([cloud.reshape(-1, 2), moment.pose2d, moment.kp2d])
    bright = [mixed(color, WHITE, 0.35) for color in person.colors]
    with pen(picture, everything, 3 * width) as over:
        ends = cloud[:, _BONES].reshape(-1, 2, 2)
        over.lines(ends, 0.6 * width, bright * len(cloud), faint(len(cloud)))
        bones = moment.pose2d[_BONES]
        over.lines(bones, 1.8 * width, [EDGE] * len(bones), 0.35)
        over.lines(bones, width, [mixed(color, WHITE, 0.12) for color in person.colors])
        for point in moment.kp2d[moment.seen > 0]:
            over.disc(point, 0.95 * width, EDGE)
            over.disc(point, 0.7 * width, WHITE)


def _write_words(page, people: dict[int, Person], there: dict[int, Moment], stage: Stage) -> None:
    """How many hypotheses, how far they spread, whose colours these are, what is estimated."""
    from PIL import ImageDraw, ImageFont

    left, _, width, height = stage.box
    size = max(11, round(min(width, height) / 36))
    font, small = ImageFont.load_default(size), ImageFont.load_default(max(10, round(0.8 * size)))
    draw = ImageDraw.Draw(page)
    x, y = left + 1.6 * size, 1.4 * size
    if there:
        count = len(next(iter(there.values())).hypotheses)
        draw.text((x, y), f"{count} hypotheses and their answer", INK, font)
    for number, moment in there.items():
        y += 1.7 * size
        spread = f"spread {1000 * moment.spread.mean():.0f} mm"
        colors = people[number].colors
        if len(people) > 1:
            _chip(page, draw, (x, y), size, colors[0], f"person {number}, {spread}", font)
            continue
        draw.text((x, y), spread, INK, font)
        y += 1.7 * size
        along = _chip(page, draw, (x, y), size, colors[3], "left", font)
        _chip(page, draw, (x + along, y), size, colors[0], "right", font)
    note = "floor and distance are estimates; grid 0.5 m"
    draw.text((x, height - 2.4 * size), note, FAINT_INK, small)


def _chip(page, draw, at, size: float, color, word: str, font) -> float:
    """A disc of a colour and what it stands for; how long they are."""
    x, y = at
    with pen(page, [(x, y), (x + size, y + size)], 2) as dot:
        dot.disc((x + 0.42 * size, y + 0.62 * size), 0.42 * size, color)
    draw.text((x + 1.3 * size, y), word, INK, font)
    return 2.4 * size + draw.textlength(word, font)
