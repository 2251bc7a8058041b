import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Assignment, Finding } from './thread.js';

export interface Tally {
  readonly runs: number;
  readonly steps: number;
  readonly grants: number;
  readonly faults: number;
  readonly virtualMs: number;
  readonly byTopology: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** Of the events of each run. */
  readonly digests: readonly string[];
}

/** Many runs, shared out among threads. `until`: how many findings are enough. */
export async function simulateMany(
  assignment: Assignment,
  threads: number,
  until = Number.POSITIVE_INFINITY,
): Promise<Tally> {
  const next = new Int32Array(new SharedArrayBuffer(4));
  Atomics.store(next, 0, assignment.first ?? 0);
  const total = { runs: 0, steps: 0, grants: 0, faults: 0, virtualMs: 0 };
  const byTopology: Record<string, number> = {};
  const findings: Finding[] = [];
  const digests: string[] = [];
  const crew = Array.from({ length: threads }, () => {
    const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: { ...assignment, next } });
    worker.on('message', ({ index, digest, topology, finding, ...counts }: Report) => {
      digests[index] = digest;
      total.runs += 1;
      for (const key of ['steps', 'grants', 'faults', 'virtualMs'] as const) total[key] += counts[key];
      byTopology[topology] = (byTopology[topology] ?? 0) + 1;
      if (finding) {
        findings.push(finding);
        if (!assignment.quiet)
          console.log(`seed ${finding.seed} (${topology}): ${finding.rules.join('; ')}\n  ${finding.text}`);
      }
      if (findings.length >= until) Atomics.store(next, 0, assignment.runs);
    });
    return once(worker, 'exit');
  });
  await Promise.all(crew);
  findings.sort((a, b) => a.index - b.index);
  return { ...total, byTopology, findings, digests };
}

/** What a thread tells of one run. */
export interface Report {
  readonly index: number;
  readonly digest: string;
  readonly steps: number;
  readonly grants: number;
  readonly faults: number;
  readonly virtualMs: number;
  readonly topology: string;
  readonly finding: Finding | undefined;
}
