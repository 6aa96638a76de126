// What the three scripts share: they turn the profile that they name into k6's options, and send
// the requests that the driver sends. k6 itself is under the AGPL and is not part of this project.
//
//   TARS_SERVER, TARS_TOKEN     the service, and a service token whose limit fits the load
//   SCALE=10                    so many times larger
//   SHORT=1                     the same shape in half a minute
//
// Two things only the driver, `tars-load`, can do: hold the service to its ledger, and look at what
// its processes hold. Thresholds about these are left out here.
import http from 'k6/http';
import exec from 'k6/execution';
import { check, sleep } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';

const server = __ENV.TARS_SERVER || 'http://127.0.0.1:8099';
const scale = Number(__ENV.SCALE || 1);
const headers = { Authorization: `Bearer ${__ENV.TARS_TOKEN}`, 'Content-Type': 'application/json' };

const errors = new Rate('tars_errors');
const cacheHits = new Rate('cache_hits');
const connectionErrors = new Counter('connection_errors');
const timeouts = new Counter('timeouts');
const evaluationDuration = new Trend('evaluation_duration', true);

// The names of k6's metrics for ours. `recovery_seconds` needs the order of the requests, which k6
// does not keep: see the p95 of the last stages in its output instead.
const metrics = {
    error_rate: ['tars_errors', 'rate'],
    check_rate: ['checks', 'rate'],
    latency_p95_ms: ['http_req_duration{kind:load}', 'p(95)'],
    latency_p99_ms: ['http_req_duration{kind:load}', 'p(99)'],
    evaluation_p95_ms: ['evaluation_duration', 'p(95)'],
    cache_hit_rate: ['cache_hits', 'rate'],
    connection_errors: ['connection_errors', 'count'],
    timeouts: ['timeouts', 'count'],
};
const signs = { below: '<', at_most: '<=', above: '>' };

function thresholds(profile) {
    const all = {};
    for (const threshold of [...profile.thresholds.original, ...profile.thresholds.ours]) {
        const known = metrics[threshold.metric];
        if (!known) {
            continue;
        }
        const bound = Object.keys(signs).find((name) => name in threshold);
        const [metric, statistic] = known;
        (all[metric] = all[metric] || []).push(`${statistic}${signs[bound]}${threshold[bound]}`);
    }
    return all;
}

// k6 counts iterations in whole numbers for each unit of time, and starts each stage at the rate at
// which the former one ended; a stage of no length jumps. Ten seconds as the unit keep small rates.
function stages(profile) {
    const rate = (perSecond) => Math.round(perSecond * scale * 10);
    const given = __ENV.SHORT ? profile.short : profile.stages;
    const all = [];
    let last = given[0].from;
    for (const stage of given) {
        if (stage.from !== last) {
            all.push({ target: rate(stage.from), duration: '0s' });
        }
        all.push({ target: rate(stage.to), duration: `${stage.seconds}s` });
        last = stage.to;
    }
    return { startRate: rate(given[0].from), timeUnit: '10s', stages: all };
}

export function optionsOf(profile) {
    const load = { executor: 'ramping-arrival-rate', preAllocatedVUs: 64, maxVUs: 512, ...stages(profile) };
    return { scenarios: { [profile.name]: load }, thresholds: thresholds(profile) };
}

// Pushes the cart the way the pole leans. Actor's logits for some agents, values for the others.
function policy(head) {
    const weight = Array.from({ length: 64 }, () => [0, 0, 1, 0.5]);
    const square = Array.from({ length: 64 }, () => Array(64).fill(0.001));
    const bias = Array(64).fill(0);
    const out = [Array(64).fill(-1), Array(64).fill(1)];
    const layers = [{ weight, bias }, { weight: square, bias }, { weight: out, bias: [0, 0] }];
    return JSON.stringify({ version: 1, head, activation: 'relu', layers });
}

function evaluation(artifacts, agent, episodes) {
    const artifact = ['DQN', 'QRDQN'].includes(agent) ? artifacts.values : artifacts.logits;
    return {
        agent_type: agent,
        agent_state: { artifact },
        environments: ['CartPole-v1'],
        num_episodes: episodes,
        seed: 1,
        labels: { load: 'k6' },
    };
}

function store(head) {
    const binary = { ...headers, 'Content-Type': 'application/octet-stream' };
    return http.put(`${server}/v1/artifacts`, policy(head), { headers: binary }).json('artifact');
}

// Jobs that have ended before the load begins.
function ended(artifacts, agents, each, episodes) {
    const of = (agent) => Array.from({ length: each }, () => evaluation(artifacts, agent, episodes));
    const evaluations = agents.flatMap(of);
    const jobs = [];
    for (let first = 0; first < evaluations.length; first += 100) {
        const body = JSON.stringify({ evaluations: evaluations.slice(first, first + 100) });
        const receipts = http.post(`${server}/v1/evaluate/batch`, body, { headers }).json('jobs');
        jobs.push(...receipts.map((receipt) => receipt.job_id));
    }
    for (const job of jobs) {
        const shown = () => http.get(`${server}/v1/jobs/${job}?wait=30`, { headers }).json('status');
        while (['queued', 'running'].includes(shown())) {
            sleep(0.1);
        }
    }
    return jobs;
}

export function prepare(profile) {
    const artifacts = { values: store('values'), logits: store('logits') };
    const body = JSON.stringify(evaluation(artifacts, 'DQN', profile.episodes));
    const reads = profile.reads || { popular_agents: ['DQN'], other_agents: [], jobs_per_agent: 5 };
    const popular = ended(artifacts, reads.popular_agents, reads.jobs_per_agent, profile.episodes);
    const others = ended(artifacts, reads.other_agents, reads.jobs_per_agent, profile.episodes);
    return { body, popular, all: [...popular, ...others] };
}

const accepted = [];
const pick = (list) => list[Math.floor(Math.random() * list.length)];

function noted(response, wanted, profile) {
    const expected = profile.too_many_requests === 'expected' && response.status === 429;
    errors.add(response.status !== wanted && !expected);
    if (response.error_code === 1050) {
        timeouts.add(1);
    } else if (response.status === 0) {
        connectionErrors.add(1);
    }
    check(response, { 'answered as expected': (answer) => answer.status === wanted });
    const cache = response.headers['X-Cache'];
    if (cache) {
        cacheHits.add(cache.trim().toLowerCase().startsWith('hit'));
    }
    return response.status === wanted;
}

function submit(data, profile) {
    const key = `k6-${exec.vu.idInTest}-${exec.vu.iterationInScenario}-${Date.now()}`;
    const params = { headers: { ...headers, 'Idempotency-Key': key }, tags: { kind: 'load' } };
    const response = http.post(`${server}/v1/evaluate`, data.body, params);
    if (noted(response, 202, profile)) {
        accepted.push(response.json('job_id'));
    }
}

function show(job, profile) {
    const response = http.get(`${server}/v1/jobs/${job}`, { headers, tags: { kind: 'load' } });
    if (noted(response, 200, profile)) {
        const [from, to] = [response.json('submitted_at'), response.json('finished_at')];
        if (to) {
            evaluationDuration.add(Date.parse(to) - Date.parse(from));
        }
    }
}

export function iterate(data, profile) {
    const share = Math.random();
    const { mix, reads } = profile;
    if (share < mix.submit) {
        submit(data, profile);
    } else if (share < mix.submit + mix.poll) {
        show(pick(accepted.length ? accepted.slice(-20) : data.popular), profile);
    } else {
        show(pick(Math.random() < reads.popular_share ? data.popular : data.all), profile);
    }
}
