import { type RunResult, simulate } from './run.js';
import type { WorldOptions } from './world.js';

/** The shortest prefix of a run that still breaks a rule which the whole one breaks. */
export async function shortestPrefix(options: WorldOptions, whole: RunResult): Promise<RunResult> {
  const rules = new Set(whole.violations.map(({ rule }) => rule));
  for (let steps = 1; steps < whole.steps; steps += 1) {
    const run = await simulate({ ...options, steps });
    if (run.violations.some(({ rule }) => rules.has(rule))) return run;
  }
  return whole;
}
