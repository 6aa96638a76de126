// Stands in for k6's modules in a test: keeps what is asked, and answers as the service would.
export const requests = [];

const ended = { status: 'completed', submitted_at: '2026-01-01T00:00:00Z', finished_at: '2026-01-01T00:00:01Z' };
const answer = (status, body) => ({ status, error_code: 0, headers: { 'X-Cache': 'hit' }, json: (name) => body[name] });
const keep = (method, url, body, params) => requests.push({ method, url, body, headers: params.headers });

export default {
    put(url, body, params) {
        keep('PUT', url, body, params);
        return answer(201, { artifact: JSON.parse(body).head });
    },
    post(url, body, params) {
        keep('POST', url, body, params);
        const evaluations = JSON.parse(body).evaluations;
        return answer(202, evaluations ? { jobs: evaluations.map((one) => ({ job_id: one.agent_type })) } : { job_id: 'new' });
    },
    get(url, params) {
        keep('GET', url, '', params);
        return answer(200, ended);
    },
};

export const check = (response, checks) => Object.values(checks).every((holds) => holds(response));
export const sleep = () => {};

class Metric {
    constructor(name) {
        this.name = name;
    }
    add(value) {
        if (typeof value !== 'number' && typeof value !== 'boolean') {
            throw new Error(`${this.name} is given ${value}`);
        }
    }
}
export const Counter = Metric;
export const Rate = Metric;
export const Trend = Metric;

export const execution = { vu: { idInTest: 1, iterationInScenario: 0 } };
