"""The process that talks to Ray for ``RayEngine``: work comes in by stdin, results and a last word go out by stdout."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from typing import IO, Any

from seglens.engines.crew import Crew
from seglens.engines.session import RayParams, connected, first_line, gone
from seglens.types import Chunk, SeglensError


def main() -> None:
    """Serve one stream; it ends where nobody listens any more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what Ray prints is no answer
    want, make, chunks = pickle.load(sys.stdin.buffer)
    left = threading.Event()
    threading.Thread(target=_listen, args=(left,), daemon=True).start()
    last: SeglensError | None = None
    try:
        _serve(answers, want, make, chunks, left)
    except BrokenPipeError:
        return
    except SeglensError as error:
        last = SeglensError(str(error))
    except ConnectionError as error:  # of an address ray://
        last = gone(first_line(error))
    _say(answers, last)


def _serve(answers: IO[bytes], want: RayParams, make: bytes, chunks: list[Chunk], left: threading.Event) -> None:
    with connected(want) as ray:
        crew = Crew(ray, want, make, chunks)
        try:
            for done in crew.work():
                if left.is_set():
                    return
                if done is not None:
                    _say(answers, done)
        finally:
            crew.dismiss()


def _listen(left: threading.Event) -> None:
    while os.read(0, 1):
        pass
    left.set()


def _say(answers: IO[bytes], what: Any) -> None:
    pickle.dump(what, answers)
    answers.flush()


if __name__ == "__main__":
    main()
