import type { LockService, LockServiceOptions } from '../../lib/index.js';
import { Random } from '../faults/random.js';
import { slotOf } from '../faults/slot.js';
import { LONGEST_TTL_MS } from '../faults/worker/orders.js';
import type { Cut } from './checker/check-truth.js';
import { Truth } from './checker/truth.js';
import { SimProcess } from './machine/process.js';
import { Sandbox } from './machine/sandbox.js';
import { Scheduler } from './machine/scheduler.js';
import { redisFor } from './redis/client.js';
import { Network } from './redis/network.js';
import type { Reply } from './redis/reply.js';
import { SimServer } from './redis/server.js';
import { drawTopology, type Topology } from './topologies.js';
import { Chronicle, GuardedRegister } from './workload/chronicle.js';
import { Worker } from './workload/worker.js';

export const NAMESPACE = 'sim';
/** By how much real clocks run wrong; and by how much those of a quorum may. */
const DRIFT = 2e-5;
const VOTERS_DRIFT = 0.008;
/** What has begun shows what becomes of it within this time. */
const SETTLES_MS = 8_000;
const ENTRY = 'service/create-lock-service.js';

export interface WorldOptions {
  readonly seed: string;
  /** Where the compiled package is. */
  readonly library: string;
  /** How many operations and faults may begin; the rest of the run is left out. */
  readonly steps: number;
  /** Names of topologies; none: any. */
  readonly topologies: readonly string[];
  /** Hears all that the servers are asked. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** How a process connects. */
interface Manner {
  /** Clients that are handed in, instead of a URL. */
  readonly handedIn: boolean;
  readonly commandTimeout: number;
}

/** Servers, links and processes on virtual time: all that is left to chance comes from the seed. */
export class World {
  readonly random: Random;
  readonly scheduler = new Scheduler();
  readonly chronicle = new Chronicle(this.scheduler);
  readonly network: Network;
  readonly topology: Topology;
  /** What its faults may do that no other kind may do beside: lose data, or set the clock of a server. */
  readonly harm: 'clock' | 'data' | 'none';
  readonly servers: readonly SimServer[];
  /** One in each place. */
  readonly workers = new Map<string, Worker>();
  readonly truth = new Truth(() => this.scheduler.now);
  readonly cuts: (Cut & { until: number })[] = [];
  readonly #register = new GuardedRegister(this.chronicle);
  readonly #options: WorldOptions;
  readonly #manner: Manner;
  /** What the processes have opened beside the services. */
  readonly #clients = new Map<string, { disconnect(): void }[]>();
  #begun = 0;
  #lastBegun = 0;
  /** Nothing new begins. */
  ending = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    const random = this.random.fork('world');
    this.network = new Network(this.scheduler, this.random.fork('network'));
    this.topology = drawTopology(random, options.topologies);
    this.harm = random.pick(['clock', 'data', 'none']);
    this.#manner = { handedIn: random.chance(0.3), commandTimeout: random.integer(1_000, 3_000) };
    this.servers = Array.from({ length: this.topology.servers }, (_, index) => this.#server(`s${index + 1}`));
    if (this.topology.promotes) this.lead(this.servers[0] as SimServer);
    else for (const server of this.servers) this.network.addresses.set(`${server.id}:6379`, server);
  }

  /** The places of the processes. */
  get slots(): readonly string[] {
    return [...this.workers.keys()];
  }

  /** Those that take writes. */
  get primaries(): readonly SimServer[] {
    return this.topology.promotes ? this.servers.filter(({ readOnly }) => !readOnly) : this.servers;
  }

  /** Whether the processes use clients that were handed in. */
  get handsIn(): boolean {
    return this.#manner.handedIn;
  }

  get begun(): number {
    return this.#begun;
  }

  /** All that may begin has begun, a while ago. */
  get exhausted(): boolean {
    return this.#begun >= this.#options.steps && this.scheduler.now > this.#lastBegun + SETTLES_MS;
  }

  /** Whether one more thing may begin, which then counts. */
  readonly mayBegin = (): boolean => {
    if (this.ending || this.#begun >= this.#options.steps) return false;
    this.#begun += 1;
    this.#lastBegun = this.scheduler.now;
    return true;
  };

  /** From now on this server is the primary, at the address that all know. */
  lead(server: SimServer): void {
    for (const each of this.servers) if (each !== server) this.truth.forgot(each);
    server.promote(this.servers.filter((each) => each !== server));
    this.network.addresses.set('primary:6379', server);
    this.truth.took(server);
  }

  /** No command of the process in the place gets through (of any process, where it is undefined) until that is over. */
  cut(slot: string | undefined): () => void {
    const cut = { slot, from: this.scheduler.now, until: Number.POSITIVE_INFINITY };
    this.cuts.push(cut);
    return () => {
      cut.until = this.scheduler.now;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.scheduler.in(ms, resolve));
  }

  async populate(processes: number): Promise<void> {
    for (let index = 1; index <= processes; index += 1) await this.start(`w${index}`, 1);
  }

  /** Another process in the place. */
  async start(slot: string, generation: number): Promise<void> {
    const name = `${slot}.${generation}`;
    const random = this.random.fork(name);
    const process = new SimProcess({
      scheduler: this.scheduler,
      name,
      random: random.fork('process'),
      rate: 1 + (2 * random.next() - 1) * DRIFT,
      crashed: (error) => this.#crashed(name, error),
    });
    const witness = { process, chronicle: this.chronicle, register: this.#register };
    const services = await this.#open(process);
    const { mayBegin } = this;
    // What is kept outlives a server's clock that is set back.
    const retains = this.harm !== 'clock';
    const worker = new Worker({ witness, services, random, retains, epoch: 0, mayBegin });
    this.workers.set(slot, worker);
    this.chronicle.record({ kind: 'started', worker: name });
  }

  /** Dies, as by SIGKILL. */
  kill(worker: Worker): void {
    worker.process.die();
    this.chronicle.record({ kind: 'killed', worker: worker.name });
  }

  /** Shuts down, as by SIGTERM: nothing of it may stay. */
  async dismiss(worker: Worker, patience: number): Promise<void> {
    const { process } = worker;
    const left = (): number => this.network.openOf(process) + process.timers.length;
    let closed = false;
    const closing = worker.close().then(() => {
      for (const client of this.#clients.get(process.name) ?? []) client.disconnect();
      closed = true;
    });
    closing.catch((error: unknown) => this.#crashed(process.name, error));
    for (let ms = 0; ms < patience && !(closed && left() === 0); ms += 100) await this.sleep(100);
    const resources = [
      ...Array.from({ length: this.network.openOf(process) }, () => 'a connection'),
      ...process.timers.map((origin) => `a timer ${origin}`),
    ];
    this.chronicle.record(
      closed ? { kind: 'closed', worker: worker.name, resources } : { kind: 'hung', worker: worker.name },
    );
    process.die();
  }

  generationAfter({ name }: Worker): number {
    return Number(name.slice(slotOf(name).length + 1)) + 1;
  }

  #server(id: string): SimServer {
    const random = this.random.fork(id);
    const drift = this.topology.quorum > 0 ? VOTERS_DRIFT : DRIFT;
    return new SimServer({
      scheduler: this.scheduler,
      random,
      id,
      rate: 1 + (2 * random.next() - 1) * drift,
      // A replica is asked by nobody.
      changed: (server, key, by) => {
        if (!server.readOnly) this.truth.changed(server, key, by);
      },
      ...(this.#options.trace && { heard: (...heard) => this.#options.trace?.(lineOf(this.scheduler.now, ...heard)) }),
    });
  }

  async #open(process: SimProcess): Promise<{ usual: LockService; fifo: LockService }> {
    const { replicas, quorum, promotes } = this.topology;
    const Redis = redisFor(process, this.network);
    const { library } = this.#options;
    const sandbox = Sandbox.for(process, library, { Redis, default: Redis, __esModule: true });
    const { createLockService } = sandbox.load<{ createLockService(options: unknown): Promise<LockService> }>(
      `${library}/${ENTRY}`,
    );
    const clients: { disconnect(): void }[] = [];
    this.#clients.set(process.name, clients);
    const connect = (url: string): unknown => {
      if (!this.#manner.handedIn) return url;
      const client = new Redis(url, { reconnectOnError });
      client.on('error', () => {});
      clients.push(client);
      return client;
    };
    const source = promotes ? connect('redis://primary:6379') : connect('redis://s1:6379');
    const store =
      quorum > 0
        ? { quorum: this.servers.map(({ id }) => connect(`redis://${id}:6379`)), longestTtl: LONGEST_TTL_MS }
        : { redis: source };
    const open = (localHandOver: LockServiceOptions['localHandOver']): Promise<LockService> =>
      createLockService({
        namespace: NAMESPACE,
        instance: process.name,
        localHandOver,
        defaults: { replicas, ttl: 2_000 },
        commandTimeout: this.#manner.commandTimeout,
        shutdownGrace: 1_000,
        logger: { warn: () => {}, error: () => {} },
        ...store,
      });
    return { usual: await open({}), fifo: await open({ max: 0 }) };
  }

  #crashed(worker: string, error: unknown): void {
    const note = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.chronicle.record({ kind: 'crashed', worker, note });
  }
}

/** As docs/production.md and the warning ask of a client that is handed in: nobody else can replace its connection. */
function reconnectOnError({ message }: Error): 2 | false {
  return message.startsWith('READONLY') ? 2 : false;
}

/** One command, without what is the same in each. */
function lineOf(at: number, { id }: SimServer, by: string, command: readonly string[], reply: Reply): string {
  const script = /^eval/i.test(command[0] as string);
  const words = script ? command.slice(3) : command;
  const text = words.map((word) => word.replace(/[0-9a-f]{32}\./g, '')).join(' | ');
  return `${at.toFixed(2).padStart(10)} ${id} ${by}: ${text} -> ${JSON.stringify(reply)}`;
}
