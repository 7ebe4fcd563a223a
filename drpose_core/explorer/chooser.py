"""Which pose of the set is shown: by action, subject, camera and frame."""

from ..data import PoseSet
from .controls import Controls

LEVELS = ("action", "subject", "camera")
AHEAD = (1, -1, 2)  # frames away from the one shown
Names = tuple[str, str, str]  # of these levels


class Chooser:
    """The menus that choose a pose of the set; they offer only combinations that exist.

    busy: True while one choice changes the other menus, when they may not match yet.
    """

    def __init__(self, poses: PoseSet, controls: Controls):
        takes, sequences = poses.takes, poses.sequence.tolist()
        self._controls, self.busy = controls, False
        self._names: list[Names] = [
            (poses.actions[action], takes[sequence].subject, takes[sequence].camera)
            for action, sequence in zip(poses.action.tolist(), sequences)
        ]
        self._rows: dict[Names, list[int]] = {names: [] for names in self._names}
        order = list(zip(sequences, poses.frame.tolist()))
        for row in sorted(range(len(poses)), key=order.__getitem__):
            self._rows[self._names[row]].append(row)
        controls.action.options = list(dict.fromkeys(action for action, *_ in self._names))
        controls.action.value = controls.action.options[0]
        self.choose("action")

    def choose(self, changed: str) -> None:
        """After a choice at one of LEVELS, update the menus below it and the range of frames."""
        if self.busy:  # an option set below, not by hand
            return
        self.busy, c = True, self._controls
        chosen = [getattr(c, name).value for name in LEVELS]
        for level in range(LEVELS.index(changed) + 1, len(LEVELS)):
            widget = getattr(c, LEVELS[level])
            fits = [names for names in self._rows if list(names[:level]) == chosen[:level]]
            options, before = list(dict.fromkeys(names[level] for names in fits)), widget.value
            widget.options = options
            widget.value = chosen[level] = before if before in options else options[0]
        c.frame.max = c.play.max = len(self._rows[tuple(chosen)]) - 1
        c.frame.value = min(c.frame.value, c.frame.max)
        self.busy = False

    def row(self) -> int:
        """The row of the set that is chosen now."""
        c = self._controls
        rows = self._rows[c.action.value, c.subject.value, c.camera.value]
        return rows[min(c.frame.value, len(rows) - 1)]

    def beside(self, row: int) -> list[int]:
        """All rows of the same action, subject and camera, in playing order; the same list for each
        of them.
        """
        return self._rows[self._names[row]]

    def near(self, row: int) -> list[int]:
        """The rows that are likely to be shown next: those at AHEAD, in playing order."""
        rows = self.beside(row)
        places = (rows.index(row) + step for step in AHEAD)
        return [rows[place] for place in places if 0 <= place < len(rows)]

    def title(self, row: int) -> str:
        action, subject, camera = self._names[row]
        return f"{action}, {subject}, camera {camera}"
