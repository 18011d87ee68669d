"""People at one server: simulated annotators on loopback, each with photos, superpixels and maps of 1024 x 2048.

Every annotator loads the photo, the superpixel numbers and three maps of a question to the last byte, then saves a
draft every two seconds, and hands the answer in after a few saves; then comes the next question.

- `load_p95_ms`: from the first request of a question's five pictures to the last byte of the last; they are asked for
  at once, as a browser does, over connections that stay open;
- `save_p95_ms`: a save, from the request to its answer (`answer_p95_ms`: handing an answer in, which is on the disk
  when it is done);
- `lost`: answers handed in, or last drafts, that the store does not hold as they were sent;
- `duplicates`: questions that two annotators were given;
- `clients_cpu`: processor time of the clients in cores, beside `server_cpu`: both share the machine;
- `fill_ms`: gesture to pixel of a superpixel at 1024 x 2048 in Chromium, from the pointer's event until the frame was
  painted, the median of all three sizes (`fill_p95_ms`, and `fill_coarse_ms` and so on, beside it); null where there is
  no browser. No annotator is at work;
- `frame_p95_ms`: between two frames while the picture is dragged and zoomed with three layers over it, no annotator at
  work (`frames_late`: the share that took longer than 1/60 s; `frames_late_still`: the same where nothing moves,
  which is the machine's own unrest). Headless Chromium draws in software here.

Run: python benchmarks/annotate.py --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from annotate_browser import fill_times, frame_gaps
from PIL import Image
from provenance import ROOT, commit, machine, print_figures

from seglens.config import resolve
from seglens.data.streets import Streets, StreetsParams
from seglens.files import encode_id, write_arrays
from seglens.functional.run_lengths import encode
from seglens.loop import create
from seglens.store import Repository
from seglens.store.tables import DraftRow
from seglens.types import AnswerKind, Cost, Query, Region, Stage
from seglens.web.office import Office
from seglens.web.pictures import SCALES

GOALS = {"load_p95_ms": 250, "save_p95_ms": 150, "lost": 0, "duplicates": 0, "fill_ms": 16, "frame_p95_ms": 17}
FRAME_MS = 1000 / 60 + 1.0
"""A frame that took longer than 1/60 s; a millisecond is the clock's own unrest."""
SIZE = (1024, 2048)
DETAIL = ((0.8, 128), (0.2, 4))
"""What maps are mixed of: share, and pixels of its detail; the finest is a network's stride."""
LAYERS = ("prediction", "entropy", "score")
PICTURES: list[tuple[str, dict[str, str]]] = [
    ("/api/picture", {}),
    ("/api/ids", {"scale": "medium"}),
    *(("/api/layer", {"name": name}) for name in LAYERS),
]
"""What a question shows."""
SAVES = 3
"""Drafts before an answer."""


def make_run(folder: Path, images: int, questions: int) -> Path:
    """A run that waits for answers to windows of street photos, its maps of a round with a model on disk."""
    pictures = folder / "images"
    pictures.mkdir()
    streets = Streets(StreetsParams(split="pool", images=images, size=(256, 512)))
    for id in streets.ids:  # drawn small, then enlarged with grain: rendering at full size costs minutes
        photo = np.asarray(Image.fromarray(streets.image(id)).resize(SIZE[::-1], Image.Resampling.BICUBIC), np.int16)
        grain = np.random.default_rng(0).normal(0, 4, photo.shape)
        noisy = (photo + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(pictures / f"{id.replace('/', '-')}.png", compress_level=1)
    (folder / "classes.yaml").write_text(json.dumps({"names": list(streets.classes.names)}))
    data = {"name": "folder", "images": str(pictures), "classes": str(folder / "classes.yaml")}
    values = {"data": data, "ask": "human", "answer": "dense", "cut": "grid", "cache": {"dir": str(folder / "cache")}}
    run = folder / "run"
    create(run, resolve({**values, "model": {"size": list(SIZE)}, "budget": {"unit": "pixels"}}, {}, "benchmark"))
    repo = Repository.of_run(run)
    office = Office(run, train=False)
    rng = np.random.default_rng(1)
    for id in office.data.ids:
        parts = [share * _enlarged(rng.random((SIZE[0] // of, SIZE[1] // of))) for share, of in DETAIL]
        smooth = np.sum(parts, 0)
        maps = {"score": smooth.astype(np.float16), "entropy": smooth.clip(0, 1).astype(np.float16)}
        prediction = (smooth.clip(0, 0.999) * 19).astype(np.uint8)
        write_arrays(run / "rounds" / "000" / "maps" / f"{encode_id(id)}.npz", prediction=prediction, **maps)
        office.prepare(id)
    repo.begin_round(0, 1.0)
    repo.add_queries([_question(n, list(office.data.ids)) for n in range(questions)])
    repo.advance(0, Stage.AWAIT)
    office.close()
    repo.close()
    return run


def _enlarged(values: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(SIZE[::-1], Image.Resampling.BICUBIC))


def _question(number: int, ids: list[str]) -> Query:
    """A window of 512 x 512."""
    place = number // len(ids) % 128
    mask = np.zeros(SIZE, bool)
    top, left = place // 16 * 64, place % 16 * 96
    mask[top : top + 512, left : left + 512] = True
    region = Region(ids[number % len(ids)], SIZE, encode(mask), "window", place)
    reason = {"classes": [1, 2], "names": ["a", "b"], "probs": [0.5, 0.3], "margin": 0.2}
    return Query(f"q{number:06d}", 0, region, AnswerKind.DENSE, 1.0, Cost(20, 2**18, 30), reason)


class Annotator:
    """One person's browser."""

    def __init__(self, url: str, number: int, every: float) -> None:
        headers = {"X-Seglens": "page", "X-Seglens-Desk": f"desk-{number}"}
        limits = httpx.Limits(max_connections=6)
        self.client = httpx.AsyncClient(base_url=url, headers=headers, timeout=30, limits=limits)
        self.number, self.every = number, every
        self.loads: list[float] = []
        self.saves: list[float] = []
        self.handed_in: list[float] = []
        self.had: list[str] = []
        self.answered: dict[str, int] = {}
        self.draft: tuple[str, int] | None = None

    async def work(self, until: float) -> None:
        """Answer until the time is over."""
        await asyncio.sleep(self.every * (self.number % 17) / 17)
        try:
            while time.monotonic() < until:
                question = await self._claim()
                if question is None:
                    return
                await self._load(question["image"])
                revision = 0
                for _ in range(SAVES):
                    await asyncio.sleep(self.every)
                    if time.monotonic() > until:
                        return
                    revision += 1
                    await self._save(question, revision)
                value = self.number % 19
                body = {"mask": {"runs_by_class": [[value, question["region"]["runs"]]]}, "revision": revision + 1}
                begun = time.perf_counter()
                done = await self.client.post(f"/api/questions/{question['id']}/answer", json={**body, "seconds": 6})
                self.handed_in.append(1000 * (time.perf_counter() - begun))
                done.raise_for_status()
                self.answered[question["id"]], self.draft = value, None
        finally:
            await self.client.aclose()

    async def _claim(self) -> dict[str, Any] | None:
        response = await self.client.post("/api/claim", json={})
        response.raise_for_status()
        if response.status_code == 204:
            return None
        question: dict[str, Any] = response.json()
        self.had.append(question["id"])
        return question

    async def _load(self, image: str) -> None:
        begun = time.perf_counter()
        asked = (self.client.get(path, params={"image": image, **more}) for path, more in PICTURES)
        found = await asyncio.gather(*asked)
        self.loads.append(1000 * (time.perf_counter() - begun))
        for response in found:
            response.raise_for_status()
            assert len(response.content) == int(response.headers["content-length"])

    async def _save(self, question: dict[str, Any], revision: int) -> None:
        way = [[revision, i, 2 * i] for i in range(100)]
        strokes = [{"tool": "brush", "class": 3, "way": way} for _ in range(revision * 5)]
        mask = {"runs_by_class": [[3, question["region"]["runs"]]]}
        body = {"revision": revision, "strokes": strokes, "mask": mask, "seconds": 2.0 * revision}
        begun = time.perf_counter()
        response = await self.client.put(f"/api/questions/{question['id']}/draft", json=body)
        self.saves.append(1000 * (time.perf_counter() - begun))
        response.raise_for_status()
        self.draft = (question["id"], revision)


def start(run: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server on a free port, once it answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    command = [sys.executable, "-m", "seglens", "annotate", str(run), "--port", str(port), "--no-open", "--no-train"]
    paths = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths})
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            httpx.get(f"{url}/api/run", timeout=5)
            return server, url
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def process_seconds(pid: int) -> float:
    """Processor time of a process, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(people: int, seconds: float, every: float, url: str, number: int, of: int) -> None:
    """One client process: its part of the annotators; what they saw is its last line."""

    async def all_of_them() -> list[Annotator]:
        found = [Annotator(url, n, every) for n in range(number, people, of)]
        until = time.monotonic() + seconds
        await asyncio.gather(*(one.work(until) for one in found))
        return found

    print("ready", flush=True)
    sys.stdin.readline()
    begun = resource.getrusage(resource.RUSAGE_SELF)
    found = asyncio.run(all_of_them())
    ended = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "loads": [ms for one in found for ms in one.loads],
                "saves": [ms for one in found for ms in one.saves],
                "handed_in": [ms for one in found for ms in one.handed_in],
                "had": [id for one in found for id in one.had],
                "answered": {id: value for one in found for id, value in one.answered.items()},
                "drafts": dict(one.draft for one in found if one.draft),
                "cpu": ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime,
            }
        )
    )


def lost(run: Path, told: list[dict[str, Any]]) -> int:
    """How much of what the server said was stored is not there as it was sent."""
    repo = Repository.of_run(run)
    answers = {pair.query.id: pair.answer for pair in repo.answered()}
    with repo.transaction() as session:
        drafts = {row.query_id: row.revision for row in session.query(DraftRow)}
    repo.close()
    missing = 0
    for one in told:
        for id, value in one["answered"].items():
            dense = answers[id].dense if id in answers else None
            missing += dense is None or not (dense == value).all()
        missing += sum(drafts.get(id) != revision for id, revision in one["drafts"].items())
    return missing


def fill_figures(times: dict[str, list[float]]) -> dict[str, float | None]:
    """Milliseconds from gesture to painted frame, over all sizes of superpixels and by size."""
    found = [ms for of_scale in times.values() for ms in of_scale]
    if not found:
        return {"fill_ms": None, "fill_p95_ms": None}
    return {
        "fill_ms": round(float(np.median(found)), 2),
        "fill_p95_ms": round(float(np.percentile(found, 95)), 2),
        **{f"fill_{scale}_ms": round(float(np.median(of_scale)), 2) for scale, of_scale in times.items()},
    }


def frame_figures(gaps: dict[str, list[float]]) -> dict[str, float | None]:
    """Gaps between frames, milliseconds, while the picture moves; and the share that a frame of 60 a second missed."""
    moving = [*gaps.get("pan", []), *gaps.get("zoom", [])]
    if not moving:
        return {"frame_p95_ms": None, "frames_late": None}
    late = {name: round(float(np.mean(np.asarray(found) > FRAME_MS)), 3) for name, found in gaps.items()}
    return {
        "frame_p95_ms": round(float(np.percentile(moving, 95)), 2),
        "frame_p50_ms": round(float(np.percentile(moving, 50)), 2),
        "frames_late": round(float(np.mean(np.asarray(moving) > FRAME_MS)), 3),
        "frames_late_pan": late["pan"],
        "frames_late_zoom": late["zoom"],
        "frames_late_still": late["still"],
    }


def main() -> None:
    """Measure and print one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the last line is always JSON")
    parser.add_argument("--people", type=int, default=50, help="annotators at once")
    parser.add_argument("--seconds", type=float, default=60, help="how long they work")
    parser.add_argument("--every", type=float, default=2, help="seconds between two saves of one annotator")
    parser.add_argument("--images", type=int, default=24, help="photos of 1024 x 2048")
    parser.add_argument("--processes", type=int, default=2, help="client processes")
    parser.add_argument("--out", type=Path, help="also write the figures there")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        url, number, of = given.client
        share(given.people, given.seconds, given.every, url, int(number), int(of))
        return
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        questions = int(given.people * (given.seconds / given.every + 2))
        run = make_run(Path(folder), given.images, questions)
        prepared = time.monotonic() - begun
        server, url = start(run)
        try:
            for id in Office(run, train=False).data.ids:  # into memory, as after the first minutes of a day
                for path, more in PICTURES:
                    httpx.get(f"{url}{path}", params={"image": id, **more}).raise_for_status()
            own = [sys.executable, __file__, "--people", str(given.people), "--seconds", str(given.seconds)]
            own += ["--every", str(given.every), "--client", url]
            clients = [
                subprocess.Popen([*own, str(n), str(given.processes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                for n in range(given.processes)
            ]
            for client in clients:  # all begin together, none while another is still importing
                assert client.stdout is not None
                assert client.stdout.readline() == b"ready\n"
            before, at = process_seconds(server.pid), time.monotonic()
            for client in clients:
                assert client.stdin is not None
                client.stdin.write(b"begin\n")
                client.stdin.flush()
            told = [json.loads(client.communicate()[0].splitlines()[-1]) for client in clients]
            lasted = time.monotonic() - at
            used = process_seconds(server.pid) - before
            seen = shutil.which("chromium") or shutil.which("chromium-browser")
            fills = {scale: fill_times(url, scale) for scale in SCALES} if seen else {}
            gaps = frame_gaps(url) if seen else {}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        loads = [ms for one in told for ms in one["loads"]]
        saves = [ms for one in told for ms in one["saves"]]
        handed_in = [ms for one in told for ms in one["handed_in"]]
        had = Counter(id for one in told for id in one["had"])
        figures: dict[str, Any] = {
            "load_p95_ms": round(float(np.percentile(loads, 95)), 1),
            "save_p95_ms": round(float(np.percentile(saves, 95)), 1),
            "load_p50_ms": round(float(np.percentile(loads, 50)), 1),
            "save_p50_ms": round(float(np.percentile(saves, 50)), 1),
            "answer_p95_ms": round(float(np.percentile(handed_in, 95)), 1),
            "loads": len(loads),
            "saves": len(saves),
            "answers": sum(len(one["answered"]) for one in told),
            "lost": lost(run, told),
            "duplicates": sum(count - 1 for count in had.values()),
            "clients_cpu": round(sum(one["cpu"] for one in told) / lasted, 2),
            "server_cpu": round(used / lasted, 2),
            **fill_figures(fills),
            **frame_figures(gaps),
            "prepare_seconds_per_image": round(prepared / given.images, 2),
            "people": given.people,
            "seconds": given.seconds,
            "goals": GOALS,
            "commit": commit(),
            "machine": machine(),
        }
    print_figures(figures, given.out)


if __name__ == "__main__":
    main()
