import { mkdirSync } from 'node:fs';
import { until } from '../support/event.js';
import { Worker } from './fleet.js';
import { type Moment, now } from './history/event.js';
import { Recorder } from './history/history.js';
import { KeyMonitor, keysOf, mayStay } from './key-monitor.js';
import { watchLag } from './lag.js';
import { Campaign } from './nemeses/campaign.js';
import type { Field } from './nemeses/nemesis.js';
import { Network } from './network.js';
import type { Random } from './random.js';
import { GuardedRegister } from './register.js';
import { RoleMonitor } from './role-monitor.js';
import { slotOf } from './slot.js';
import type { ServerClocks } from './stores/server-clocks.js';
import type { Store } from './stores/store.js';
import { losesByFailOver, type Topology } from './stores/topologies.js';

const WORKERS = 4;
/** For a slow machine; that nobody waits for a free lock is a rule of its own. */
const DRAINED_WITHIN_MS = 60_000;
/** Longer than any wait, so that a stuck one shows. */
const DRAIN_PATIENCE_MS = 90_000;
/** Longer than any pause between two attempts to connect. */
const LISTENING_WITHIN_MS = 40_000;
/** The longest lease, and a share of it by which clocks may differ. */
const LEFTOVERS_GONE_MS = 22_000;

export interface RoundOptions {
  readonly topology: Topology;
  readonly store: Store;
  readonly clocks: ServerClocks | undefined;
  readonly directory: string;
  /** Of its own: counters of a round whose clocks were set must not live on in one that loses data. */
  readonly namespace: string;
  readonly random: Random;
  readonly seconds: number;
  readonly nemeses: readonly string[];
}

/** Workers, faults, healing, and the end: one history. */
export class Round {
  readonly #options: RoundOptions;
  readonly #recorder: Recorder;
  readonly #register: GuardedRegister;
  readonly #campaign: Campaign;
  readonly #taken = new Set<string>();
  readonly #workers = new Map<string, Worker>();
  readonly #network: Network;
  readonly #epoch: Moment = now();

  private constructor(options: RoundOptions, network: Network) {
    this.#options = options;
    this.#network = network;
    this.#recorder = new Recorder(options.directory, 'harness');
    this.#register = new GuardedRegister(this.#recorder);
    const { random, nemeses: wanted } = options;
    const spared = ({ name }: Worker): void => void this.#taken.delete(name);
    const field = this.#field();
    this.#campaign = new Campaign({ field, random: random.fork('faults'), recorder: this.#recorder, wanted, spared });
  }

  /** Returns how often the keys of a server were looked at. */
  static async run(options: RoundOptions): Promise<number> {
    mkdirSync(options.directory, { recursive: true });
    const slots = Array.from({ length: WORKERS }, (_, index) => `w${index + 1}`);
    const network = await Network.start(options.store, slots);
    const round = new Round(options, network);
    const stopWatching = watchLag((at, until) => round.#recorder.record({ at, kind: 'delayed', until }));
    try {
      return await round.#play(slots);
    } finally {
      stopWatching();
      for (const worker of round.#workers.values()) await worker.kill();
      network.stop();
    }
  }

  async #play(slots: readonly string[]): Promise<number> {
    const { store } = this.#options;
    const monitors = store.servers.map((server) => new KeyMonitor(server, this.#options.namespace, this.#recorder));
    const { topology } = this.#options;
    const roles = topology.promotes
      ? new RoleMonitor(store.servers, this.#recorder, losesByFailOver(topology) ? 'fail-over' : undefined)
      : undefined;
    for (const slot of slots) this.#start(slot, 1);
    await Promise.all([...this.#workers.values()].map((worker) => worker.ready()));
    await this.#campaign.run(now() + this.#options.seconds * 1_000);
    await this.#heal();
    await Promise.all(monitors.map((monitor) => monitor.stop()));
    await roles?.stop();
    await this.#lookForLeftovers();
    return monitors.reduce((sum, { samples }) => sum + samples, 0);
  }

  #start(slot: string, generation: number): Worker {
    const { directory, namespace, random } = this.#options;
    const name = `${slot}.${generation}`;
    const { seed } = random.fork(name);
    const source = this.#network.sourceFor(slot);
    const options = {
      worker: name,
      seed,
      directory,
      namespace,
      source,
      replicas: this.#options.topology.replicas ?? 0,
      retains: !this.#campaign.setsClocks,
      epoch: this.#epoch,
    };
    const worker = new Worker(options, this.#register, this.#recorder);
    this.#workers.set(slot, worker);
    return worker;
  }

  #field(): Field {
    const { topology, store, clocks, namespace } = this.#options;
    return {
      topology,
      store,
      clocks,
      namespace,
      victim: (random) => {
        const free = [...this.#workers.values()].filter(({ name, running }) => running && !this.#taken.has(name));
        const worker = random.pick(free);
        this.#taken.add(worker.name);
        return worker;
      },
      allProxies: () => this.#network.all,
      workers: () => [...this.#workers.values()].filter(({ running }) => running),
      proxiesOf: ({ name }) => this.#network.of(slotOf(name)),
      replace: async ({ name }) => {
        const slot = slotOf(name);
        await this.#start(slot, Number(name.slice(slot.length + 1)) + 1).ready();
      },
    };
  }

  /** All faults are over: whoever lives has to be served, and then to leave nothing behind. */
  async #heal(): Promise<void> {
    await this.#options.store.whole();
    this.#recorder.record({ at: now(), kind: 'healing' });
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.order({ do: 'drain', within: DRAINED_WITHIN_MS });
    await Promise.all(workers.map((worker) => worker.drained(DRAIN_PATIENCE_MS).catch(() => {})));
    await this.#listen(workers);
    this.#recorder.record({ at: now(), kind: 'over' });
    await Promise.all(workers.map((worker) => worker.close(() => this.#connectionsOf(worker))));
  }

  /** Whatever became of its connection for messages, each process has one again. */
  async #listen(workers: readonly Worker[]): Promise<void> {
    const deaf = (): Worker[] =>
      workers.filter(
        ({ name, running }) => running && !this.#network.of(slotOf(name)).some((each) => each.carriesMessages),
      );
    await until(() => deaf().length === 0, { within: LISTENING_WITHIN_MS }).catch(() => {});
    for (const { name } of deaf()) this.#recorder.record({ at: now(), kind: 'deaf', worker: name });
  }

  #connectionsOf({ name }: Worker): readonly string[] {
    return this.#network.of(slotOf(name)).flatMap(({ connections }) => connections);
  }

  async #lookForLeftovers(): Promise<void> {
    let left: [string, number][] = [];
    const none = async (): Promise<boolean> => {
      const keys = await Promise.all(
        this.#options.store.servers.map((server) => keysOf(server, this.#options.namespace)),
      );
      left = keys.flatMap((each) => [...(each ?? [])]).filter(([key, ttl]) => !mayStay(key, ttl));
      return left.length === 0;
    };
    await until(none, { within: LEFTOVERS_GONE_MS }).catch(() => {});
    for (const [key, ttl] of left) this.#recorder.record({ at: now(), kind: 'key', key, ttl, phase: 'end' });
  }
}
