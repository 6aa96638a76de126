"""Whether a full database costs more than an empty one: every step of the hot path on both.

    python loadtests/large_tables.py [--ended 1000000] [--queued 100000] [--jobs 5000]

On a private Postgres, RabbitMQ and Redis, all limits off: first with empty tables, then with so many jobs that have ended
and so many that wait for a message. Submissions for five seconds, a backlog of the smallest jobs to its end, the gauges of
/metrics, the demand for workers, a page of jobs by label and status; at last the jobs that wait are left to the dispatchers
of two workers, as after an outage of the broker. `--explain` prints the plan of each hot statement on the full tables.
"""

import argparse
import json
import time
from urllib.request import Request, urlopen

from private_stack import Stack, build, end

FILL = """
INSERT INTO jobs (id, version, subject, request_hash, agent_type, priority, parameters, agent_state, status, attempt, lease_epoch,
  submitted_at, dispatched_at, started_at, finished_at, episodes_done, episodes_total)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || substr(md5(n::text), 1, 20))::uuid, 1, 'user:filler',
  md5(n::text) || md5(n::text), 'DQN', 'normal', (SELECT parameters FROM jobs WHERE subject <> 'user:filler' LIMIT 1),
  (SELECT agent_state FROM jobs WHERE subject <> 'user:filler' LIMIT 1), '{status}', {attempt}, {attempt}, at, {dispatched}, {started}, {started}, {attempt}, 1
FROM (SELECT n, now() - interval '30 days' + n * interval '1 second' AS at FROM generate_series({first}, {last}) AS n) AS numbers
"""
EVALUATIONS = """
INSERT INTO evaluations (job_id, position, environment, result) SELECT id, 0, 'CartPole-v1',
  CASE WHEN status = 'completed' THEN (SELECT result FROM evaluations WHERE result IS NOT NULL LIMIT 1) END
FROM jobs WHERE subject = 'user:filler' AND NOT EXISTS (SELECT 1 FROM evaluations WHERE job_id = jobs.id)
"""
LABELS = """
INSERT INTO job_labels (job_id, name, value) SELECT id, 'load', 'filler' FROM jobs WHERE subject = 'user:filler'
ON CONFLICT DO NOTHING
"""


def fill(stack, ended, queued):
    # In parts, so that no statement is cut off.
    part = 100_000
    for first in range(1, ended + 1, part):
        last = min(first + part - 1, ended)
        stack.sql(" ".join(FILL.format(status="completed", attempt=1, dispatched="at", started="at", first=first, last=last).split()))
        stack.sql(" ".join(EVALUATIONS.split()))
        print(f"  {last:,} jobs that have ended", flush=True)
    for first in range(ended + 1, ended + queued + 1, part):
        last = min(first + part - 1, ended + queued)
        # As if a dispatcher had just taken them, for longer than this takes.
        stack.sql(" ".join(FILL.format(status="queued", attempt=0, dispatched="NULL", started="NULL", first=first, last=last).split()))
        stack.sql(" ".join(EVALUATIONS.split()))
    stack.sql("UPDATE jobs SET reserved_until = now() + interval '1 day' WHERE status = 'queued' AND dispatched_at IS NULL")
    stack.sql(" ".join(LABELS.split()))
    stack.sql("VACUUM ANALYZE")
    stack.sql("CHECKPOINT")


def asked(stack, path, times=5):
    """Milliseconds of an answer, the median of several."""
    request = Request(stack.about["server"] + path, headers={"Authorization": f"Bearer {stack.about['token']}"})
    spans = []
    for _ in range(times):
        # Gauges are read again after half a second.
        time.sleep(0.6)
        begun = time.monotonic()
        urlopen(request, timeout=30).read()
        spans.append(1e3 * (time.monotonic() - begun))
    return sorted(spans)[times // 2]


def measure(stack, run, jobs):
    rate = json.loads(stack.load("rate", "--connections", 32, "--seconds", 5, "submissions", "--run", f"rate-{run}"))
    ids = stack.submit(jobs, run, "least")
    workers = stack.workers(1, [])
    try:
        ends = stack.ends(ids, run)
    finally:
        end(workers)
    return {
        "submissions per second": f"{rate['per_second']:,.0f}",
        "their p99, ms": f"{rate['p99_ms']:.1f}",
        "finished jobs per second": f"{ends['per_second']:,.0f}",
        "/metrics, ms": f"{asked(stack, '/metrics'):.1f}",
        "/v1/workers/wanted, ms": f"{asked(stack, '/v1/workers/wanted'):.1f}",
        "/v1/jobs by label and status, ms": f"{asked(stack, f'/v1/jobs?label=load:{run}&status=completed&limit=50'):.1f}",
    }


def dispatched(stack, queued):
    """Seconds until every waiting job has its message, and spare copies."""
    stack.sql("UPDATE jobs SET reserved_until = NULL WHERE status = 'queued' AND dispatched_at IS NULL")
    waiting = "SELECT count(*) FROM jobs WHERE subject = 'user:filler' AND status = 'queued' AND dispatched_at IS NULL"
    received = lambda: int(stack.ask("broker").split("messages_received_total => ")[1].split(",")[0].split("}")[0])
    before = received()
    # Their slots are busy with nothing: what is measured are their dispatchers.
    begun = time.monotonic()
    workers = stack.workers(2, [])
    try:
        while int(stack.sql(waiting)[0][0]):
            time.sleep(0.1)
        seconds = time.monotonic() - begun
        time.sleep(6)
        return seconds, received() - before
    finally:
        end(workers)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--ended", type=int, default=1_000_000)
    arguments.add_argument("--queued", type=int, default=100_000)
    arguments.add_argument("--jobs", type=int, default=5000, help="of the backlog that is finished")
    arguments.add_argument("--explain", action="store_true")
    arguments = arguments.parse_args()
    build()
    with Stack() as stack:
        measure(stack, "warm", 500)
        empty = measure(stack, "empty", arguments.jobs)
        fill(stack, arguments.ended, arguments.queued)
        # The first change of each page after a checkpoint is written whole, which is no matter of size.
        measure(stack, "settled", arguments.jobs)
        full = measure(stack, "full", arguments.jobs)
        print(f"\n| | empty | {arguments.ended:,} ended and {arguments.queued:,} waiting jobs |\n|---|---|---|")
        for what, figure in empty.items():
            print(f"| {what} | {figure} | {full[what]} |")
        if arguments.explain:
            for name, statement in HOT.items():
                print(f"\n{name}:\n```")
                print("\n".join(line[0] for line in stack.sql(" ".join(("EXPLAIN (COSTS OFF) " + statement).split()))))
                print("```")
        seconds, messages = dispatched(stack, arguments.queued)
        print(f"\n{arguments.queued:,} jobs without a message were published in {seconds:.1f} s by two workers, in {messages:,} messages.")


HOT = {
    "what is due": "SELECT id FROM jobs WHERE status = 'queued' AND dispatched_at IS NULL AND priority = 'normal'"
    " AND coalesce(not_before, submitted_at) <= now() AND (reserved_until IS NULL OR reserved_until <= now())"
    " ORDER BY coalesce(not_before, submitted_at), id LIMIT 1000 FOR UPDATE SKIP LOCKED",
    "expired leases": "SELECT id FROM jobs WHERE status = 'running' AND lease_expires_at <= now()",
    "the oldest queued job": "SELECT submitted_at FROM jobs WHERE status = 'queued' AND priority = 'normal'"
    " AND (not_before IS NULL OR not_before <= now()) ORDER BY submitted_at LIMIT 1",
    "how many in each status": "SELECT sum(jobs), status FROM job_counts GROUP BY status",
    "a page by label and status": "SELECT id FROM jobs WHERE status = 'completed' AND id IN (SELECT job_id FROM job_labels"
    " WHERE name = 'load' AND value = 'full') ORDER BY submitted_at DESC, id DESC LIMIT 51",
}


if __name__ == "__main__":
    main()
