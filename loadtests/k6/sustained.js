// k6 run loadtests/k6/sustained.js — the load and the thresholds are those of profiles/sustained.json.
import { iterate, optionsOf, prepare } from './load.js';

const profile = JSON.parse(open('../profiles/sustained.json'));

export const options = optionsOf(profile);

export function setup() {
    return prepare(profile);
}

export default function (data) {
    iterate(data, profile);
}
