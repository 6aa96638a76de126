"""Celery with one task that does nothing, on the same broker, with the same database for its results.

Its defaults are kept, although they promise less than T.A.R.S.: a task is acknowledged before it runs, so that a worker
that is killed loses it.
"""

import os

from celery import Celery

DATABASE = os.environ["PEER_DATABASE"].replace("postgres://", "postgresql+psycopg2://")

app = Celery("peer", broker=os.environ["PEER_QUEUE"], backend="db+" + DATABASE)


@app.task
def nothing(number):
    return number
