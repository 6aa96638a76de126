"""Where the time goes for each job: processor time, statements, commits, log, broker.

    python loadtests/profile.py [--jobs 2000] [--workers 1] [--worker-options='--concurrency 8'] [--statements 12]

A backlog of one-episode CartPole jobs that name one stored policy is submitted over 32 connections, then finished by
workers that are started when all are there. Both phases are measured apart, on a private Postgres (with
pg_stat_statements), RabbitMQ and Redis, all limits off; every figure is divided by the jobs. Needs no package of
Python's. TARS_BIN names another build of the service to compare with.
"""

import argparse
import os
import platform
import re
import shlex
import time

from private_stack import Stack, build, end

TICKS = os.sysconf("SC_CLK_TCK")
COUNTERS = {
    "commits": "SELECT sum(xact_commit) FROM pg_stat_database",
    "statements": "SELECT sum(calls) FROM pg_stat_statements",
    "WAL, bytes": "SELECT wal_bytes FROM pg_stat_wal",
    "WAL, syncs": "SELECT wal_sync FROM pg_stat_wal",
    "rows updated": "SELECT sum(n_tup_upd) FROM pg_stat_user_tables",
    "of them HOT": "SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables",
}
BROKER = {
    "messages received": ["messages_received_total"],
    "confirms": ["messages_confirmed_total"],
    # By basic.get and to consumers together: for quorum queues the counts of each kind stay 0.
    "deliveries": ["messages_delivered_total"],
    "basic.get on an empty queue": ["messages_get_empty_total"],
    "acknowledgements": ["messages_acknowledged_total"],
}
STATEMENTS = (
    "SELECT calls, round(total_exec_time::numeric, 1),"
    " left(regexp_replace(replace(query, '|', '¦'), '\\s+', ' ', 'g'), 90)"
    " FROM pg_stat_statements WHERE calls >= {least} ORDER BY total_exec_time DESC LIMIT {limit}"
)


def stat(pid):
    """Parent and processor ticks of a process, those of its ended children among them."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(") ")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15]))


def processor_seconds(roots):
    """By name, over each process and all that descend from it."""
    stats = {int(pid): found for pid in os.listdir("/proc") if pid.isdigit() and (found := stat(pid))}
    seconds = {}
    for name, pids in roots.items():
        pids = list(pids)
        for pid in pids:
            pids += [child for child, (parent, _) in stats.items() if parent == pid]
        seconds[name] = sum(stats[pid][1] for pid in pids if pid in stats) / TICKS
    return seconds


class Meter:
    """What is counted between two moments, divided by the jobs."""

    def __init__(self, stack, roots):
        self.stack, self.roots = stack, roots

    def look(self):
        broker = self.stack.ask("broker")
        counted = re.findall(r"\b(\w+) =>\s*(\d+)", broker)
        counts = {
            "broker: " + name: sum(int(count) for key, count in counted if key in keys) for name, keys in BROKER.items()
        }
        # A backend hands in what it counted within a second, once it is idle.
        time.sleep(1.5)
        counts |= {"postgres: " + name: float(self.stack.sql(sql)[0][0] or 0) for name, sql in COUNTERS.items()}
        return counts

    def start(self):
        self.stack.sql("SELECT pg_stat_statements_reset()")
        self.before = self.look()
        self.before["postgres: statements"] = 0
        self.stack.sql("SELECT pg_stat_statements_reset()")
        self.begun, self.processors = time.monotonic(), processor_seconds(self.roots)

    def stop(self):
        """Seconds, processor seconds by name."""
        self.elapsed = time.monotonic() - self.begun
        after = processor_seconds(self.roots)
        self.processors = {name: after[name] - self.processors.get(name, 0) for name in after}
        counts = self.look()
        self.counts = {name: counts[name] - self.before[name] for name in counts}

    def statements(self, jobs, limit):
        return self.stack.sql(STATEMENTS.format(least=max(1, jobs // 100), limit=limit))


def report(title, meter, jobs, limit):
    print(f"\n## {title}: {jobs} jobs in {meter.elapsed:.2f} s, {jobs / meter.elapsed:.0f} per second\n")
    print("| for each job | |\n|---|---|")
    for name, seconds in sorted(meter.processors.items(), key=lambda item: -item[1]):
        print(f"| processor, {name} | {1e3 * seconds / jobs:.3f} ms ({seconds / meter.elapsed:.2f} cores) |")
    for name, count in meter.counts.items():
        print(f"| {name} | {count / jobs:.2f} |")
    print("\n| calls for each job | ms for each job | statement |\n|---|---|---|")
    for calls, milliseconds, text in meter.statements(jobs, limit):
        print(f"| {int(calls) / jobs:.2f} | {float(milliseconds) / jobs:.3f} | `{text}` |")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--jobs", type=int, default=2000)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--worker-options", default="", help="as `tars worker` takes them")
    arguments.add_argument("--statements", type=int, default=12, help="how many of the dearest are shown")
    arguments = arguments.parse_args()
    build()
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, load average {os.getloadavg()[0]:.1f} before; "
        f"{arguments.workers} worker(s) {arguments.worker_options or 'with its own defaults'}"
    )
    with Stack() as stack:
        roots = {name: [pid] for name, pid in stack.about["processes"].items()}
        meter = Meter(stack, roots)
        # What comes once for all jobs is over before it is counted.
        stack.submit(10, "before")
        meter.start()
        ids = stack.submit(arguments.jobs, "profiled")
        meter.stop()
        report("Submissions", meter, arguments.jobs, arguments.statements)

        meter.start()
        workers = stack.workers(arguments.workers, shlex.split(arguments.worker_options))
        roots["worker"] = [worker.pid for worker in workers]
        try:
            ends = stack.ends(ids, "profiled")
            meter.stop()
            report("Finished jobs, with the start of the workers", meter, arguments.jobs, arguments.statements)
            print(f"\nBetween the first end and the last: {ends['per_second']:.0f} per second.")
        finally:
            end(workers)


if __name__ == "__main__":
    main()
