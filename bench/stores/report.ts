import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { monotonic } from '../support/clock.js';
import { median } from '../support/statistics.js';
import { table } from '../support/table.js';
import { CONTESTANT_NAMES, CONTESTANTS, type ContestantName, LEASE_SECONDS } from './contestant.js';
import { ownDirectory } from './owned.js';

const ROOT = new URL('../../../../', import.meta.url);

export const MEASURES = {
  'pairs-64': { title: 'pairs per second, 64 at a time', digits: 0 },
  'pairs-1': { title: 'pairs per second, one at a time', digits: 0 },
  'hot-bodies': { title: 'hot key, empty body: bodies per second', digits: 0 },
  'hot-wait': { title: 'hot key, empty body: longest wait, ms', digits: 0 },
  'hot-1ms-bodies': { title: 'hot key, body of 1 ms: bodies per second', digits: 0 },
  'hot-1ms-wait': { title: 'hot key, body of 1 ms: longest wait, ms', digits: 0 },
  'hand-over': { title: 'hand-over between two clients, ms', digits: 2 },
  crash: { title: `wait after the holder's death, lease of ${LEASE_SECONDS} s, ms`, digits: 0 },
} as const;

export type Measure = keyof typeof MEASURES;

const NOTES = [
  'One node each on one machine; in production etcd and ZooKeeper are three or five, and each write waits for a majority.',
  'etcd and ZooKeeper sync every write to the disk; so does "nestjs-lock, fsync" (appendfsync always). Plain nestjs-lock does not: its Redis forgets its locks when it dies.',
  'nestjs-lock runs with its defaults: batching, and up to 64 hand-overs in a row inside one process, which shortens the hot key and not the hand-over.',
  "etcd Lock: the client's lock fails when busy and cannot wait; its waiters watch for the key's deletion and try again, all at once. etcd Election: the client's queue, used as a lock; it watches from a revision of the past, which etcd serves only every 100 ms.",
  'etcd3 grants a lease per lock and revokes it; a ZooKeeper session and a connection of nestjs-lock are per process.',
  "ZooKeeper: its documentation's recipe on node-zookeeper-client, tick of 500 ms; the locks' parent nodes are made before and never removed.",
  'Hot key: 4 processes with 10 waiters each; the longest wait includes those who still wait at the end. The clients share the cores with the servers.',
  "After a death the wait is what is left of the lease, or all of it: nestjs-lock and etcd renew at every third of it, ZooKeeper's client pings when idle for a third.",
];

/** The figures of every round; a contestant's figure is the median of its rounds. */
export class Report {
  readonly #rounds = new Map<string, number[]>();

  add(contestant: ContestantName, measure: Measure, value: number): void {
    const key = `${contestant} ${measure}`;
    this.#rounds.set(key, [...(this.#rounds.get(key) ?? []), value]);
  }

  print(versions: Readonly<Record<string, string>>, quick: boolean): void {
    const machine = describeMachine();
    const header = ['', ...CONTESTANT_NAMES.map((name) => CONTESTANTS[name].title)];
    const rows = (Object.keys(MEASURES) as Measure[]).map((measure) => [
      MEASURES[measure].title,
      ...CONTESTANT_NAMES.map((name) => format(median(this.#of(name, measure)), MEASURES[measure].digits)),
    ]);
    console.log(`\n${table([header, ...rows])}\n\n${NOTES.map((note) => `- ${note}`).join('\n')}\n`);
    console.log(
      Object.entries({ ...machine, ...versions })
        .map(([key, value]) => `${key}: ${value}`)
        .join(' · '),
    );
    if (quick) console.log('A smoke run: its figures mean nothing.');
    const results = Object.fromEntries(
      CONTESTANT_NAMES.map((name) => [name, { title: CONTESTANTS[name].title, measures: this.#json(name) }]),
    );
    const path = fileURLToPath(new URL(`bench/results/stores${quick ? '-quick' : ''}.json`, ROOT));
    mkdirSync(dirname(path), { recursive: true });
    const json = { date: new Date().toISOString(), quick, machine, versions, results, notes: NOTES };
    writeFileSync(path, `${JSON.stringify(json, null, 2)}\n`);
    console.log(`Written: ${path}`);
  }

  #of(contestant: ContestantName, measure: Measure): readonly number[] {
    return this.#rounds.get(`${contestant} ${measure}`) ?? [];
  }

  #json(contestant: ContestantName): object {
    const entries = (Object.keys(MEASURES) as Measure[]).map((measure) => {
      const rounds = this.#of(contestant, measure);
      return [measure, { median: median(rounds), rounds }];
    });
    return Object.fromEntries(entries);
  }
}

/** The versions of the packages that take part. */
export function packageVersions(): Record<string, string> {
  const version = (path: string): string =>
    (JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')) as { version: string }).version;
  return {
    'nestjs-lock': version('package.json'),
    ioredis: version('node_modules/ioredis/package.json'),
    etcd3: version('bench/node_modules/etcd3/package.json'),
    'node-zookeeper-client': version('bench/node_modules/node-zookeeper-client/package.json'),
  };
}

function describeMachine(): Record<string, string> {
  const cores = cpus();
  return {
    machine: `${cores.length} x ${cores[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${process.platform} ${release()}`,
    node: process.version,
    // What "durable" costs here: on a tmpfs, or a disk that lies, nothing.
    fdatasync: `${syncTime().toFixed(2)} ms`,
  };
}

function syncTime(): number {
  const file = openSync(join(ownDirectory(), 'sync'), 'w');
  const taken = Array.from({ length: 50 }, () => {
    const start = monotonic();
    writeSync(file, 'x'.repeat(256));
    fdatasyncSync(file);
    return monotonic() - start;
  });
  closeSync(file);
  return median(taken);
}

function format(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
