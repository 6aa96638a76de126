"""A private Postgres, RabbitMQ, Redis and API for the scripts here, by `tars-load stack`."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RATES = ["PUBLIC", "PROBES", "LOOKUPS", "AUTH", "WRITES", "READS", "TOKENS", "LOGIN"]


def build():
    """Builds what is measured and what measures. TARS_BIN names another build of the former."""
    packages = ["-p", "tars-loadtests"] if "TARS_BIN" in os.environ else ["-p", "tars-loadtests", "-p", "tars-cli"]
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", *packages], cwd=ROOT, check=True)


def load_program():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "release/tars-load")


class Stack:
    """Lasts as long as the `with` block. Every limit is off: what is measured is not patience."""

    def __enter__(self):
        environment = os.environ | {f"EVAL_RATE_{rate}": "off" for rate in RATES}
        self.process = subprocess.Popen(
            [load_program(), "stack"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the private stack did not start")
        self.about = json.loads(line)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def ask(self, question):
        print(question, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())["answer"]

    def sql(self, statement):
        """Rows of columns, as text."""
        answer = self.ask(f"sql {statement}")
        return [line.split("|") for line in answer.splitlines()]

    def workers(self, count, options):
        """Starts workers of T.A.R.S.; whoever starts them ends them."""
        environment = os.environ | self.about["environment"]
        command = [self.about["tars"], "worker", *options]
        log = open(Path(self.about["folder"]) / "workers.log", "a")
        return [subprocess.Popen(command, env=environment, stdout=log, stderr=log) for _ in range(count)]

    def load(self, *arguments, server=None):
        """Runs `tars-load` against the service, or against another server with the same requests."""
        environment = os.environ | {"TARS_SERVER": server or self.about["server"], "TARS_TOKEN": self.about["token"]}
        command = [load_program(), *map(str, arguments)]
        return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def submit(self, jobs, run, work="whole"):
        """Submits jobs with this label; gives a file with their ids, which lasts as long as the stack."""
        path = Path(self.about["folder"]) / f"{run}.ids"
        path.write_text(self.load("submit", "--jobs", jobs, "--run", run, "--work", work))
        return path

    def ends(self, ids, run):
        """How fast these jobs ended, once all of them have."""
        return json.loads(self.load("ends", "--ids", ids, "--run", run))


def end(processes):
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(timeout=60)
