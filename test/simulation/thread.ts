// One of the threads that share the runs.
import { parentPort, workerData } from 'node:worker_threads';
import type { Report } from './fleet.js';
import { simulate } from './run.js';

export interface Assignment {
  /** Runs have the seeds `<seed>.0`, `<seed>.1` and so on. */
  readonly seed: string;
  readonly runs: number;
  /** The index of the first. Default: 0. */
  readonly first?: number;
  readonly library: string;
  /** Tells nobody of a finding before the end. */
  readonly quiet?: boolean;
  readonly topologies: readonly string[];
  readonly steps: number;
}

/** A run that broke a rule. */
export interface Finding {
  readonly index: number;
  readonly seed: string;
  readonly topology: string;
  readonly steps: number;
  readonly rules: readonly string[];
  readonly text: string;
}

const { seed, runs, next, ...world } = workerData as Assignment & { next: Int32Array };

for (let index = Atomics.add(next, 0, 1); index < runs; index = Atomics.add(next, 0, 1)) {
  const run = await simulate({ ...world, seed: `${seed}.${index}` });
  const { steps, grants, faults, virtualMs, topology, violations } = run;
  const [first] = violations;
  const finding = first && {
    index,
    seed: run.seed,
    topology,
    steps,
    rules: [...new Set(violations.map(({ rule }) => rule))],
    text: first.text,
  };
  const report: Report = { index, steps, grants, faults, virtualMs, topology, digest: run.digest, finding };
  parentPort?.postMessage(report);
}
