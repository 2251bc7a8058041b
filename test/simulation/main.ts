/*
 * The whole core as it ships, several processes in one, on virtual time.
 *
 * What runs is the package itself, compiled to CommonJS and loaded once for each simulated process (machine/sandbox.ts),
 * with that process's clocks, timers and chance in the place of Node's, and with a client in the place of ioredis
 * (redis/client.ts) whose connections are simulated links (redis/network.ts). At their other end stand servers
 * (redis/server.ts), which run the package's own Lua (lua/) on a keyspace in memory.
 *
 * Several processes use the public API at random (workload/), while faults befall processes, links and servers
 * (nemeses/). Then all is healed, everybody has to be served, and nothing may stay. What happened is judged by the
 * checker of test/faults, and by what only the servers know (checker/).
 *
 * All that is left to chance comes from the seed: the same seed gives the same run, event by event. A run is counted in
 * steps, each an operation or a fault that begins; its prefix of K steps is the same run, in which nothing begins
 * after these. Of a run that broke a rule the shortest prefix is looked for that still does.
 */
import { simulateMany } from './fleet.js';
import { hunt } from './mutants.js';
import { type Options, readOptions } from './options.js';
import { describe } from './report.js';
import { simulate } from './run.js';
import { shortestPrefix } from './shrink.js';

/** So many of the runs that broke a rule are shown. */
const SHOWN = 3;

const options = readOptions(process.argv.slice(2));
if (options.mutants) process.exitCode = (await hunt(options, options.mutants)) ? 0 : 1;
else if (options.seed.includes('.')) await showOne(options);
else await runMany(options);

async function runMany({ runs, threads, ...rest }: Options): Promise<void> {
  const started = performance.now();
  const tally = await simulateMany({ runs, ...rest }, threads);
  const seconds = (performance.now() - started) / 1_000;
  const { findings, steps, grants, faults, virtualMs, byTopology } = tally;
  const shares = Object.entries(byTopology).map(([name, count]) => `${name} ${count}`);
  console.log(
    `${tally.runs} runs in ${seconds.toFixed(1)} s (${Math.round((60 * tally.runs) / seconds)} a minute), seed ${rest.seed}: ` +
      `${steps} steps, ${grants} grants, ${faults} faults, ${(virtualMs / 3.6e6).toFixed(1)} h of virtual time (${shares.sort().join(', ')})`,
  );
  if (rest.digests) {
    console.log(tally.digests.join('\n'));
    return;
  }
  for (const { seed } of findings.slice(0, SHOWN)) await showOne({ ...rest, runs, threads, seed });
  console.log(`${tally.runs - findings.length} passed, ${findings.length} failed`);
  if (findings.length > 0) process.exitCode = 1;
}

async function showOne({ library, topologies, steps, seed, trace }: Options): Promise<void> {
  const lines: string[] = [];
  const world = { seed, library, topologies, steps };
  const run = await simulate({ ...world, trace: trace ? (line) => lines.push(line) : undefined });
  for (const line of lines) console.log(line);
  if (trace) for (const event of run.events) console.log(JSON.stringify(event));
  console.log(`\n${describe(run)}`);
  if (run.violations.length === 0 || steps < run.steps + 1) return;
  const short = await shortestPrefix(world, run);
  if (short.steps === run.steps) return;
  console.log(`\nThe shortest prefix that still fails: --seed ${seed} --steps ${short.steps}\n${describe(short)}`);
}
