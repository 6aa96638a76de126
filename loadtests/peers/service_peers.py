"""Measures the service beside what a user would build instead, in one run on one machine.

    pip install -r loadtests/peers/service-requirements.txt
    python loadtests/peers/service_peers.py [--rounds 5] [--seconds 5] [--jobs 2000]
                                            [--tars-workers 1] [--tars-worker-options='--concurrency 8']

Accepted submissions and polls: T.A.R.S. beside FastAPI (uvicorn, one process, and one for each core) with aio-pika
(durable queue, publisher's confirm) and asyncpg (committed insert), 32 connections for submissions, 64 for polls of a
thousand ended jobs. All are asked by the same generator, `tars-load rate`, with the same requests; the table shows how
much of a core it took.

Finished no-op jobs: a backlog of one-episode CartPole jobs that name one stored policy, beside as many tasks of Celery
that do nothing, with two worker processes, results in the same database. T.A.R.S. does evaluate them: a policy that falls
after nine steps, which is as little as a job can be, and a network of two layers with 64 units that balances for all 500.
Counted from the first end to the last.

All contenders use the same private Postgres (fsync on) and RabbitMQ, in databases and virtual hosts of their own, all
limits of T.A.R.S. off, and take turns: each round measures all, starting with another one. The table shows medians over
rounds, and each ratio's lowest and highest round. TARS_BIN names another build of the service.
"""

import argparse
import json
import os
import platform
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg2

HERE = Path(__file__).resolve().parent
# Behind the standard library, which has a `profile` too.
sys.path.append(str(HERE.parent))

from private_stack import Stack, build, end  # noqa: E402  (its folder had to be named first)

POLLED = 1000
PATIENCE = 600
CELERY_PROCESSES = 2
# What T.A.R.S. does for each of its jobs, by the size of `tars-load submit --work`. Celery's tasks do nothing.
WORK = {"finished, an episode of nine steps": "least", "finished, an episode of 500 steps": "whole"}


class Peer:
    """What both peers need: their database, and processes that end with them."""

    def __init__(self, stack):
        self.stack = stack
        self.folder = stack.about["folder"]
        about = stack.about["peer"]
        self.environment = os.environ | {
            "PEER_DATABASE": about["database"],
            "PEER_QUEUE": about["queue"],
            "PEER_TOKEN": stack.about["token"],
            "PYTHONPATH": str(HERE),
        }
        self.database = psycopg2.connect(about["database"])
        self.database.autocommit = True

    def start(self, name, *command):
        log = open(Path(self.folder) / f"{name}.log", "a")
        return subprocess.Popen(
            [sys.executable, "-m", *command], env=self.environment, cwd=HERE, stdout=log, stderr=log
        )

    def sql(self, statement):
        with self.database.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None


def eventually(condition, what):
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            sys.exit(f"{what}: not in time")
        time.sleep(0.2)


class FastApi(Peer):
    def __init__(self, stack, processes):
        super().__init__(stack)
        self.name = f"FastAPI + aio-pika + asyncpg, {processes} process{'es' if processes > 1 else ''}"
        sys.path.insert(0, str(HERE))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server = f"http://127.0.0.1:{self.port}"
        os.environ.update({name: self.environment[name] for name in ("PEER_DATABASE", "PEER_QUEUE", "PEER_TOKEN")})
        from fastapi_peer import TABLE

        # Before its processes make it at the same time.
        self.sql(TABLE)
        self.process = self.start(
            f"fastapi-{processes}",
            "uvicorn",
            "fastapi_peer:app",
            "--port",
            str(self.port),
            "--workers",
            str(processes),
            "--no-access-log",
            "--log-level",
            "warning",
            "--loop",
            "uvloop",
            "--http",
            "httptools",
        )
        eventually(self.answers, "FastAPI's start")

    def answers(self):
        if self.process.poll() is not None:
            sys.exit(f"FastAPI ended; its log is fastapi-….log in {self.folder}")
        try:
            request = Request(
                self.server + "/v1/artifacts",
                b"x",
                {"Authorization": f"Bearer {self.environment['PEER_TOKEN']}"},
                method="PUT",
            )
            return urlopen(request, timeout=2).status == 201
        except OSError:
            return False

    def measure(self, arguments):
        load = self.stack.load
        figures = {"submissions": submissions(load, "peer", arguments, self.server)}
        ids = load("submit", "--jobs", POLLED, "--run", "polled", server=self.server)
        # As long as what T.A.R.S. answers for such a job.
        self.sql(
            "UPDATE peer_jobs SET status = 'completed', result = jsonb_build_object('episodes', repeat('x', 1500))"
            " WHERE request->'labels'->>'load' = 'polled'"
        )
        figures["polls"] = polls(load, ids, arguments, self.server)
        # Not what is measured, so that no round pays for those before it.
        self.sql("TRUNCATE peer_jobs")
        return figures


class CeleryTasks(Peer):
    name = "Celery"

    def __init__(self, stack):
        super().__init__(stack)
        os.environ.update({name: self.environment[name] for name in ("PEER_DATABASE", "PEER_QUEUE")})
        sys.path.insert(0, str(HERE))
        from celery_peer import nothing

        self.task = nothing

    def ended(self):
        exists = self.sql("SELECT to_regclass('celery_taskmeta') IS NOT NULL")[0][0]
        return self.sql("SELECT count(*) FROM celery_taskmeta")[0][0] if exists else 0

    def measure(self, arguments):
        for number in range(arguments.jobs):
            self.task.delay(number)
        worker = self.start(
            "celery",
            "celery",
            "--app",
            "celery_peer",
            "worker",
            "--concurrency",
            str(CELERY_PROCESSES),
            "--loglevel",
            "WARNING",
            "--without-gossip",
            "--without-mingle",
        )
        try:
            eventually(lambda: self.ended() >= arguments.jobs or worker.poll() is not None, "Celery's tasks")
            seconds, count = self.sql(
                "SELECT extract(epoch FROM max(date_done) - min(date_done)), count(*) FROM celery_taskmeta"
            )[0]
        finally:
            end([worker])
        if count != arguments.jobs:
            log = (Path(self.folder) / "celery.log").read_text()
            sys.exit(f"Celery ended {count} of {arguments.jobs} tasks: {log[-2000:]}")
        self.sql("TRUNCATE celery_taskmeta")
        finished = {"per_second": (count - 1) / float(seconds)}
        return dict.fromkeys(WORK, finished)


class Tars:
    name = "T.A.R.S."

    def __init__(self, stack):
        self.stack, self.round = stack, 0

    def measure(self, arguments):
        load = self.stack.load
        self.round += 1
        figures = {"submissions": submissions(load, f"rate-{self.round}", arguments, None)}
        # Behind what the line above has left in the queue: when the first of these ends, all of that has.
        for what, work in WORK.items():
            run = f"{work}-{self.round}"
            ids = self.stack.submit(arguments.jobs, run, work)
            workers = self.stack.workers(arguments.tars_workers, shlex.split(arguments.tars_worker_options))
            try:
                figures[what] = self.stack.ends(ids, run)
            finally:
                end(workers)
        figures["polls"] = polls(load, "\n".join(ids.read_text().splitlines()[:POLLED]), arguments, None)
        return figures


def rate(text, whose):
    figures = json.loads(text)
    if errors := figures.get("errors"):
        print(f"{whose}: {errors} beside {figures['answered']} answers", file=sys.stderr)
        # A few do not change a rate; more than that would be the rate of something else.
        if sum(errors.values()) > figures["answered"] / 100:
            sys.exit(1)
    return figures


def submissions(load, run, arguments, server):
    common = ["rate", "--connections", 32, "--seconds", arguments.seconds]
    return rate(load(*common, "submissions", "--run", run, server=server), f"submissions at {server or 'T.A.R.S.'}")


def polls(load, ids, arguments, server):
    with tempfile.NamedTemporaryFile("w", suffix=".ids") as file:
        file.write(ids)
        file.flush()
        common = ["rate", "--connections", 64, "--seconds", arguments.seconds]
        return rate(load(*common, "polls", "--ids", file.name, server=server), f"polls at {server or 'T.A.R.S.'}")


def measure(contenders, arguments):
    """figures[contender][what] = one figure per round."""
    figures = {contender.name: {} for contender in contenders}
    order = list(contenders)
    for _ in range(arguments.rounds):
        for contender in order:
            for what, figure in contender.measure(arguments).items():
                figures[contender.name].setdefault(what, []).append(figure)
        order.append(order.pop(0))
    return figures


def median(rounds, key):
    return statistics.median(figure[key] for figure in rounds)


def shown(rounds):
    text = f"{median(rounds, 'per_second'):,.0f}"
    if "p99_ms" in rounds[0]:
        text += f", p99 {median(rounds, 'p99_ms'):.1f} ms, generator {median(rounds, 'generator_cores'):.2f} cores"
    return text


def report(figures):
    ours = figures.pop("T.A.R.S.")
    print("| per second | T.A.R.S. | instead | per second | ratio | lowest – highest round |")
    print("|---|---|---|---|---|---|")
    for peer, theirs in figures.items():
        for what, rounds in theirs.items():
            ratios = [mine["per_second"] / its["per_second"] for mine, its in zip(ours[what], rounds)]
            ratio = median(ours[what], "per_second") / median(rounds, "per_second")
            span = f"{min(ratios):.1f} – {max(ratios):.1f}"
            print(f"| {what} | {shown(ours[what])} | {peer} | {shown(rounds)} | {ratio:.1f}× | {span} |")


def machine():
    models = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    packages = ["fastapi", "uvicorn", "aio-pika", "asyncpg", "celery"]
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument(
        "--seconds", type=float, default=5, help="of submissions and of polls, per contender and round"
    )
    arguments.add_argument("--jobs", type=int, default=2000, help="of the backlog that is finished")
    arguments.add_argument("--tars-workers", type=int, default=1)
    arguments.add_argument("--tars-worker-options", default="", help="as `tars worker` takes them")
    arguments.add_argument(
        "--uvicorn-processes", default=f"1,{os.cpu_count()}", help="a contender for each number [default: %(default)s]"
    )
    arguments = arguments.parse_args()
    build()
    before = os.getloadavg()[0]
    with Stack() as stack:
        fastapis = []
        try:
            for processes in sorted(set(map(int, arguments.uvicorn_processes.split(",")))):
                fastapis.append(FastApi(stack, processes))
            figures = measure([Tars(stack), *fastapis, CeleryTasks(stack)], arguments)
        finally:
            end([fastapi.process for fastapi in fastapis])
    after = os.getloadavg()[0]
    options = arguments.tars_worker_options or "with their own defaults"
    workers = f"{arguments.tars_workers} worker(s) of T.A.R.S. {options}"
    print(f"{machine()}; {workers}. Load average {before:.1f} before, {after:.1f} after {arguments.rounds} rounds.\n")
    report(figures)


if __name__ == "__main__":
    main()
