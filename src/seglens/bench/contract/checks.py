"""The contract: what is checked of a strategy, each in a few lines, each failure said in plain words."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seglens.bench.contract.depth import check_depth
from seglens.bench.contract.finding import Finding, found, params_frozen, said
from seglens.bench.contract.learning import check_companion
from seglens.bench.contract.school import IMAGES, School
from seglens.bench.contract.strategy import Strategy
from seglens.bench.contract.trial import ROUND, Place, Played, Trial

BESIDE = {"companion": check_companion, "depth": check_depth}
"""Kinds of parts that choose nothing: no round is played with them."""
CLOSE = 1e-4
"""How far scores may move with the batch, absolute and relative."""

OTHER_CHUNK = 2
ORDERS = (tuple(range(IMAGES))[::-1], (3, 0, 1, 4, 2))
"""Two more orders of the pool beside its own."""


def check_strategy(strategy: Strategy, school: School, together: bool = False) -> list[Finding]:
    """Every check on one strategy, in order; where it does not run at all, the last finding says so.

    Args:
        strategy: what is checked.
        school: what trials share.
        together: play the round with another order, other chunks, a kill and a wrong truth at once, and each by itself
            only where that makes a difference: quicker, and as strict to within what scores may move.
    """
    findings = [Finding("params frozen", params_frozen(strategy))]
    if strategy.kind in BESIDE:
        return findings + BESIDE[strategy.kind](strategy, school, together)
    with tempfile.TemporaryDirectory(dir=school.folder) as folder:
        try:
            trial = Trial(strategy, school, Path(folder) / "run")
            plain = trial.play("plain", settled=True)
        except Exception as error:  # somebody's part may raise anything; the user is told what
            return [*findings, Finding("runs", said(error))]
        findings.append(Finding("runs"))
        findings += [found(name, check, trial, plain) for name, check in ALONE.items()]
        if not (together and found("", all_at_once, trial, plain).passed):
            findings += [found(name, check, trial, plain) for name, check in VARIED.items()]
        trial.close()
    return findings


def can_be_sent(trial: Trial, plain: Played) -> str:
    """Every part can be pickled: a worker gets it."""
    bench = trial.bench
    for part in (bench.score, bench.cut, bench.settle, bench.pick(first=False), *bench.narrows):
        pickle.loads(pickle.dumps(part))
    return ""


def budget_kept(trial: Trial, plain: Played) -> str:
    """The questions cost no more than the round may spend, and there are some."""
    cost, unit = trial.charged(plain.questions), trial.bench.config.budget.unit.value
    if cost > trial.allowance + 1e-6:
        return f"the questions cost {cost:g} {unit}, and the round may spend {trial.allowance:g}"
    idle = plain.left and not plain.questions
    return f"nothing was asked, with {plain.left} regions left and {trial.allowance:g} {unit} to spend" if idle else ""


def nothing_twice(trial: Trial, plain: Played) -> str:
    """No region is asked about that was asked about before, or twice in the round."""
    before = {(q.image, q.region.runs.tobytes()) for q in trial.repo.queries() if q.round < ROUND}
    again = len(plain.regions & before) + len(plain.questions) - len(plain.regions)
    return f"{again} of {len(plain.questions)} questions were asked before" if again else ""


def finite_scores(trial: Trial, plain: Played) -> str:
    """Every final score is a number."""
    bad = [place for place, score in plain.scores.items() if not math.isfinite(score)]
    return f"{len(bad)} of {len(plain.scores)} scores are not finite, first that of image '{bad[0][0]}'" if bad else ""


def deterministic(trial: Trial, plain: Played) -> str:
    """The round played again gives the same scores, questions and labels, to the bit."""
    again = trial.play("again", settled=True)
    if again.scores != plain.scores:
        return f"{_moved(plain, again, 0.0)} when the same round is played again"
    if _asked(again) != _asked(plain):
        return "the questions differ when the same round is played again"
    return _same(plain, again, "when the same round is played again")


def order_does_not_matter(trial: Trial, plain: Played) -> str:
    """The pool in three orders gives the same set of questions and the same labels."""
    for number, order in enumerate(ORDERS):
        other = trial.play(f"order{number}", settled=not number, order=order)
        why = _same_but_for_scores(plain, other, "with the pool in another order")
        if why:
            return why
    return ""


def pieces_do_not_matter(trial: Trial, plain: Played) -> str:
    """A pool whose rows are not held at once gives the same questions: see ``protocols.Ordered``, ``Tallying``."""
    return _in_pieces(trial, "pieces", trial.play("pieces", chunk=OTHER_CHUNK), chunk=OTHER_CHUNK)


def _in_pieces(trial: Trial, variant: str, whole: Played, **changes: Any) -> str:
    """Picks again of the rows of a round that was played, a chunk at a time."""
    pieces = trial.end(trial.varied(variant, rows_at_once=1, **changes))
    if _asked(pieces) != _asked(whole):
        differ = len(set(_asked(pieces)) ^ set(_asked(whole))) // 2
        return f"{differ} of {len(whole.questions)} questions differ where only a part of the rows is held at once"
    return ""


def _asked(played: Played) -> list[Place]:
    return [(query.image, query.region.index) for query in played.questions]


def batch_does_not_matter(trial: Trial, plain: Played) -> str:
    """Chunks of another size move scores by 1e-4 at most, and questions only where scores are as close as that."""
    when = f"with {OTHER_CHUNK} images a chunk instead of {trial.bench.config.chunk}"
    return _same_but_for_scores(plain, trial.play("chunks", settled=True, chunk=OTHER_CHUNK), when)


def resumes(trial: Trial, plain: Played) -> str:
    """A round that dies before its last chunk is scored, and again before it picks, asks the same when it goes on."""
    again = _killed(trial, "resumed")
    return _same(plain, again, "when the run was killed after a stage and went on")


def _killed(trial: Trial, variant: str, **changes: Any) -> Played:
    """The round, all parts built anew after part of its scores and after all of them; see ``Trial.varied``."""
    dying = trial.varied(variant, **changes)
    trial.begin(dying)
    rows = sorted((dying.folder(ROUND) / "rows").glob("*.npz"))
    if rows:
        rows[-1].unlink()
    trial.begin(trial.varied(variant, **changes))
    return trial.end(trial.varied(variant, **changes), settled=True)


def no_label_seen(trial: Trial, plain: Played) -> str:
    """With a truth that is wrong everywhere the round asks the same: nothing but answers ever told a part of it.

    A privileged score is an upper bound, no method: it may see the truth.
    """
    if trial.bench.score.privileged:
        return ""
    poisoned = trial.play("poisoned", data=trial.bench.school.poisoned)
    return _same(plain, poisoned, "when the truth of what was not answered changes: a part sees labels")


def all_at_once(trial: Trial, plain: Played) -> str:
    """Another order, other chunks, a kill and a wrong truth together change nothing either."""
    data = trial.bench.config.data if trial.bench.score.privileged else trial.bench.school.poisoned
    killed = _killed(trial, "at-once", order=ORDERS[0], chunk=OTHER_CHUNK, data=data)
    changes: dict[str, Any] = {"order": ORDERS[1], "chunk": OTHER_CHUNK}
    other = trial.play("other-order", **changes)
    differs = _same_but_for_scores(plain, killed, "") or _same_but_for_scores(plain, other, "")
    return differs or _in_pieces(trial, "other-order", other, **changes)


Check = Callable[[Trial, Played], str]
"""Why a strategy fails, in words; empty where it does not."""

ALONE: dict[str, Check] = {
    "can be sent to a worker": can_be_sent,
    "budget kept": budget_kept,
    "nothing asked twice": nothing_twice,
    "finite scores": finite_scores,
}
VARIED: dict[str, Check] = {
    "deterministic": deterministic,
    "pool order": order_does_not_matter,
    "batch size": batch_does_not_matter,
    "pool in pieces": pieces_do_not_matter,
    "resume": resumes,
    "no label seen": no_label_seen,
}
"""Those that play the round anew."""


def _same(plain: Played, other: Played, when: str) -> str:
    """Why two rounds are not the same to the bit; the order of questions aside."""
    if other.scores != plain.scores:
        return f"{_moved(plain, other, 0.0)} {when}"
    if other.regions != plain.regions:
        return f"{len(plain.regions - other.regions)} of {len(plain.regions)} questions differ {when}"
    return f"the settled labels differ {when}" if other.labels and other.labels != plain.labels else ""


def _same_but_for_scores(plain: Played, other: Played, when: str) -> str:
    """Why two rounds differ by more than close scores explain."""
    moved = _moved(plain, other, CLOSE)
    if moved:
        return f"{moved} {when}"
    lost, new = plain.places - other.places, other.places - plain.places
    if not _explained(plain, lost, new):
        return f"{max(len(lost), len(new))} of {len(plain.places)} questions differ {when}, and their scores do not"
    return f"the settled labels differ {when}" if other.labels and other.labels != plain.labels else ""


def _moved(plain: Played, other: Played, within: float) -> str:
    """Which scores moved too far, in words; empty where none did."""
    if plain.scores.keys() != other.scores.keys():
        return f"{len(plain.scores.keys() ^ other.scores.keys())} regions are not the same"
    far = [place for place, score in plain.scores.items() if not _close(score, other.scores[place], within)]
    if not far:
        return ""
    most = max(abs(plain.scores[place] - other.scores[place]) for place in far)
    return f"{len(far)} of {len(plain.scores)} scores move, by {most:.2g} at most,"


def _close(a: float, b: float, within: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=within, abs_tol=within)


def _explained(plain: Played, lost: Iterable[Place], new: Iterable[Place]) -> bool:
    """Whether the questions that are gone score as close to those that came as scores may move."""
    gone, came = (sorted(plain.scores[place] for place in places) for places in (lost, new))
    return len(gone) == len(came) and all(_close(a, b, 2 * CLOSE) for a, b in zip(gone, came, strict=True))
