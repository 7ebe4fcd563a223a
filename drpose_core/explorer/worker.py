"""The explorer's thread, in which a newer wish overtakes those before it."""

import contextlib
import threading
from collections.abc import Callable

from .samples import Wish

REST = 0.15  # seconds without a wish after which one is foreseen


class Worker:
    """A thread that fulfils the newest wish, and ends when there is none left.

    fulfil(wish, overtaken) runs in the thread; overtaken() says whether a newer wish has come.
    failed(error) is called there too if fulfil raises: a thread has nobody to raise to. Once no
    wish has come for REST seconds, foresee(wish, overtaken), given the last wish, prepares likely
    ones; nobody waits for it.
    """

    def __init__(
        self,
        fulfil: Callable[[Wish, Callable[[], bool]], None],
        failed: Callable[[Exception], None] = lambda error: None,
        foresee: Callable[[Wish, Callable[[], bool]], None] = lambda wish, overtaken: None,
    ):
        self._fulfil, self._failed, self._foresee = fulfil, failed, foresee
        self._change = threading.Condition()
        self._wish: Wish | None = None
        self._asked = self._done = 0  # numbers of wishes
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def ask(self, wish: Wish) -> None:
        """Overtake all earlier wishes with this one; returns at once."""
        with self._change:
            self._wish = wish
            self._asked += 1
            self._change.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until no wish is left; raises what fulfilling the last one raised.

        Does not wait if the worker's own thread calls it.
        """
        with self._change:
            if threading.current_thread() is not self._thread:
                self._change.wait_for(lambda: self._done == self._asked)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            with self._change:
                wish, number = self._wish, self._asked

            def overtaken(number=number) -> bool:
                return self._asked != number

            try:
                self._fulfil(wish, overtaken)
                self._error = None
            except Exception as error:
                self._error = error
                self._failed(error)
            with self._change:
                self._done = number
                self._change.notify_all()
                rests = not self._change.wait_for(overtaken, REST)
            if rests and self._error is None:
                # what may come need not; if it does, its own errors are shown
                with contextlib.suppress(Exception):
                    self._foresee(wish, overtaken)
            with self._change:
                if not overtaken():
                    self._thread = None
                    return
