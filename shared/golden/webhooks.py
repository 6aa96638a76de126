"""Signatures of the reference library of Standard Webhooks, for shared/tests/webhooks.rs. Run by `make golden`."""

import base64
import json
from datetime import datetime, timezone
from pathlib import Path

from standardwebhooks import Webhook

CASES = [
    # secret's bytes, id, timestamp, body
    (bytes(range(24)), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'),
    (bytes(range(32)), "0192f0c1-2a3b-7c4d-8e5f-001122334455", 1796083200, '{"type":"job.completed"}'),
    (bytes(range(100, 164)), "0192f0c1-2a3b-7c4d-8e5f-001122334455", 0, ""),
    (bytes(range(1, 33)), "a.b", 4102444800, '{"label":"äöü\n\u2028 😀"}'),
]


def signed(secret, id, timestamp, body):
    secret = "whsec_" + base64.b64encode(secret).decode()
    moment = datetime.fromtimestamp(timestamp, tz=timezone.utc)
    signature = Webhook(secret).sign(id, moment, body)
    return {"secret": secret, "id": id, "timestamp": timestamp, "body": body, "signature": signature}


Path(__file__).with_name("webhooks.json").write_text(json.dumps([signed(*case) for case in CASES], indent=2) + "\n")
