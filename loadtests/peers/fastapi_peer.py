"""What one would write with FastAPI instead: the same three requests as T.A.R.S., as `tars-load` sends them.

A submission is inserted and committed (asyncpg), published to a durable queue with a publisher's confirm (aio-pika),
and only then answered with 202; its Idempotency-Key is unique. Started by service_peers.py through uvicorn.
"""

import hashlib
import hmac
import json
import os
import uuid
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

TABLE = """
CREATE TABLE IF NOT EXISTS peer_jobs (
    id uuid PRIMARY KEY,
    key text NOT NULL UNIQUE,
    status text NOT NULL,
    request jsonb NOT NULL,
    result jsonb,
    submitted_at timestamptz NOT NULL DEFAULT now()
)
"""
QUEUE = "peer-jobs"
TOKEN = os.environ["PEER_TOKEN"]


class Evaluation(BaseModel):
    agent_type: str
    agent_state: dict
    environments: list[str]
    num_episodes: int
    seed: int
    labels: dict[str, str] = {}


@asynccontextmanager
async def lifespan(app):
    app.state.pool = await asyncpg.create_pool(os.environ["PEER_DATABASE"], min_size=8, max_size=16)
    connection = await aio_pika.connect_robust(os.environ["PEER_QUEUE"])
    channel = await connection.channel(publisher_confirms=True)
    await channel.declare_queue(QUEUE, durable=True)
    app.state.exchange = channel.default_exchange
    yield
    await connection.close()
    await app.state.pool.close()


def authorized(authorization: str = Header()):
    if not hmac.compare_digest(authorization, f"Bearer {TOKEN}"):
        raise HTTPException(401)


app = FastAPI(lifespan=lifespan, dependencies=[Depends(authorized)])


@app.put("/v1/artifacts", status_code=201)
async def store(request: Request):
    return {"artifact": hashlib.sha256(await request.body()).hexdigest()}


@app.post("/v1/evaluate", status_code=202)
async def evaluate(evaluation: Evaluation, idempotency_key: str = Header()):
    job = uuid.uuid4()
    request = evaluation.model_dump_json()
    row = await app.state.pool.fetchrow(
        "INSERT INTO peer_jobs (id, key, status, request) VALUES ($1, $2, 'queued', $3)"
        " ON CONFLICT (key) DO NOTHING RETURNING submitted_at",
        job,
        idempotency_key,
        request,
    )
    if row is None:
        raise HTTPException(409)
    message = aio_pika.Message(
        json.dumps({"id": str(job), "request": request}).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )
    await app.state.exchange.publish(message, QUEUE)
    return {"job_id": str(job), "status": "queued", "submitted_at": row["submitted_at"]}


@app.get("/v1/jobs/{job}")
async def show(job: uuid.UUID):
    select = "SELECT id, status, request, result, submitted_at FROM peer_jobs WHERE id = $1"
    row = await app.state.pool.fetchrow(select, job)
    if row is None:
        raise HTTPException(404)
    return JSONResponse(
        {
            "job_id": str(row["id"]),
            "status": row["status"],
            "request": json.loads(row["request"]),
            "result": json.loads(row["result"]) if row["result"] else None,
            "submitted_at": row["submitted_at"].isoformat(),
        }
    )
