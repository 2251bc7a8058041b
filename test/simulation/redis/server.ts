import type { Random } from '../../faults/random.js';
import { EPOCH_MS } from '../machine/process.js';
import type { Scheduler } from '../machine/scheduler.js';
import { execute, WRITES } from './commands.js';
import { Keyspace } from './keyspace.js';
import { type Reply, ReplyError } from './reply.js';
import { evaluate, type ScriptCall, shaOf } from './script.js';

/** One connection, as the server sees it. */
export interface Peer {
  /** The process at the other end. */
  readonly worker: string;
  /** The connection is open on the server's side. */
  readonly open: boolean;
  reply(reply: Reply): void;
  push(channel: string, message: string): void;
  /** The server ends the connection. */
  hangUp(): void;
}

interface Session {
  readonly peer: Peer;
  readonly channels: Set<string>;
  /** What it has written lies before this place in the stream to the replicas. */
  written: number;
  /** Its commands wait for the answer to `WAIT`. */
  blocked: boolean;
  readonly queue: (readonly string[])[];
}

export interface ServerOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly id: string;
  /** How much faster than true time its clock runs: 1 is right. */
  readonly rate: number;
  /** A command of `by` has changed the key; undefined: an operator's. */
  changed?(server: SimServer, key: string, by: string | undefined): void;
  /** What it was asked, and what it answered. */
  heard?(server: SimServer, by: string, command: readonly string[], reply: Reply): void;
}

/** How long a replica takes to have what was written, and its primary to know of it, in ms. */
const LAG_MS = [0.2, 3] as const;
const NOT_BLOCKED = new Set(['REPLICAOF']);

/** A Redis server: the authority of what is held. Each command is atomic. */
export class SimServer {
  readonly id: string;
  readonly rate: number;
  readonly keys: Keyspace;
  /** Takes no writes. */
  readOnly = false;
  /** What it answers to every command at the moment, if that is an error. */
  refusal: string | undefined;
  clockOffset = 0;
  replicas: readonly SimServer[] = [];

  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #context: ScriptCall;
  readonly #changed: ServerOptions['changed'];
  readonly #heard: ServerOptions['heard'];
  #runId: string;
  #startedAt: number;
  #sessions = new Map<Peer, Session>();
  readonly #channels = new Map<string, Set<Session>>();
  #scripts = new Map<string, string>();
  /** The time in us; stands still within a command. */
  #time = 0;
  #down = false;
  #stopped = false;
  #backlog: (() => void)[] = [];
  /** How much has been written, and how much of it each replica is known to have. */
  #offset = 0;
  readonly #acknowledged = new Map<SimServer, number>();
  /** A replica: behind by so much, and until when nothing reaches it. */
  #appliedAt = 0;
  replicationStopped = false;
  #behind: (() => void)[] = [];
  #waits: (() => void)[] = [];

  constructor({ scheduler, random, id, rate, changed, heard }: ServerOptions) {
    this.#changed = changed;
    this.#heard = heard;
    this.#scheduler = scheduler;
    this.#random = random;
    this.rate = rate;
    this.id = id;
    this.#runId = this.#newRunId();
    this.#startedAt = scheduler.now - random.integer(100, 5_000_000);
    this.keys = new Keyspace(() => Math.floor(this.#time / 1_000));
    const server = this;
    this.#context = {
      keys: this.keys,
      random,
      get readOnly() {
        return server.readOnly;
      },
      time: () => this.#time,
      publish: (channel, message) => this.#publish(channel, message),
      info: () => this.#info(),
    };
  }

  get up(): boolean {
    return !this.#down;
  }

  /** By its own clock, in us. */
  get clock(): number {
    return Math.floor((EPOCH_MS + this.#scheduler.now * this.rate + this.clockOffset) * 1_000);
  }

  accept(peer: Peer): void {
    this.#sessions.set(peer, { peer, channels: new Set(), written: 0, blocked: false, queue: [] });
  }

  /** The connection has ended. */
  left(peer: Peer): void {
    const session = this.#sessions.get(peer);
    this.#sessions.delete(peer);
    // What came while it was blocked was not read yet.
    session?.queue.splice(0);
    for (const channel of session?.channels ?? []) this.#channels.get(channel)?.delete(session as Session);
  }

  receive(peer: Peer, command: readonly string[]): void {
    if (this.#down) return;
    if (this.#stopped) {
      this.#backlog.push(() => this.receive(peer, command));
      return;
    }
    const session = this.#sessions.get(peer);
    if (!session) return;
    if (session.blocked) session.queue.push(command);
    else this.#run(session, command);
  }

  /** Does what an operator or another program does. */
  administer(name: string, ...args: string[]): Reply {
    this.#time = this.clock;
    const reply = execute(this.#context, name, args);
    this.#replicate(undefined);
    return reply;
  }

  /** SIGSTOP, and SIGCONT. */
  stop(): void {
    this.#stopped = true;
  }

  go(): void {
    this.#stopped = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const run of backlog) run();
  }

  /** All connections end, and nothing is known any more of what was not kept. */
  kill({ keeps }: { keeps: boolean }): void {
    this.#down = true;
    this.#backlog = [];
    this.hangUpAll();
    if (!keeps) this.keys.clear();
    this.keys.forgetEffects();
    this.#scripts = new Map();
  }

  start(): void {
    this.#down = false;
    this.#stopped = false;
    this.#runId = this.#newRunId();
    this.#startedAt = this.#scheduler.now;
  }

  hangUpAll(): void {
    for (const peer of [...this.#sessions.keys()]) {
      this.left(peer);
      peer.hangUp();
    }
  }

  /** Ends the connections of those who listen. */
  hangUpSubscribers(): void {
    for (const [peer, { channels }] of [...this.#sessions]) {
      if (channels.size === 0) continue;
      this.left(peer);
      peer.hangUp();
    }
  }

  flushScripts(): void {
    this.#scripts = new Map();
  }

  /** From now on the primary of the others, with what it has. */
  promote(others: readonly SimServer[]): void {
    this.#behind = [];
    this.readOnly = false;
    this.replicas = others;
    this.#acknowledged.clear();
    for (const other of others) other.follow(this);
  }

  follow(primary: SimServer): void {
    if (!this.readOnly) this.#unblockAll();
    this.readOnly = true;
    this.replicas = [];
    this.#behind = [];
    this.keys.copyFrom(primary.keys);
    primary.#acknowledged.set(this, primary.#offset);
  }

  /** As Redis does when it becomes a replica. */
  #unblockAll(): void {
    const instead = 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';
    for (const [peer, { blocked }] of [...this.#sessions]) {
      if (!blocked) continue;
      peer.reply(new ReplyError(instead));
      this.left(peer);
      peer.hangUp();
    }
    this.#waits = [];
  }

  /** What was held back of the stream comes now. */
  catchUp(): void {
    this.replicationStopped = false;
    for (const apply of [...this.#behind]) apply();
  }

  /** The keys that are there, and how long they stay: -1 for ever. */
  keysLeft(): { key: string; ttl: number }[] {
    this.#time = this.clock;
    return this.keys.keys.map((key) => {
      const until = this.keys.until(key) as number;
      return { key, ttl: until === Number.POSITIVE_INFINITY ? -1 : until - Math.floor(this.#time / 1_000) };
    });
  }

  #newRunId(): string {
    return Array.from({ length: 40 }, () => this.#random.integer(0, 15).toString(16)).join('');
  }

  /** Those who listen to a replica hear it too, and are not counted. */
  #publish(channel: string, message: string): number {
    const sessions = this.#channels.get(channel);
    for (const { peer } of sessions ?? []) peer.push(channel, message);
    for (const replica of this.replicas) {
      this.#scheduler.in(this.#lag(), () => {
        if (replica.up && !replica.replicationStopped && this.replicas.includes(replica))
          replica.#publish(channel, message);
      });
    }
    return sessions?.size ?? 0;
  }

  #run(session: Session, [name = '', ...args]: readonly string[]): void {
    const { peer } = session;
    const command = name.toUpperCase();
    this.#time = this.clock;
    if (this.refusal && !NOT_BLOCKED.has(command)) {
      peer.reply(new ReplyError(this.refusal));
      return;
    }
    if (command === 'WAIT') {
      this.#wait(session, Number(args[0]), Number(args[1]));
      return;
    }
    const reply = this.#answer(session, command, args);
    if (this.#replicate(peer.worker)) session.written = this.#offset;
    this.#heard?.(this, peer.worker, [name, ...args], reply);
    peer.reply(reply);
  }

  #answer(session: Session, command: string, args: readonly string[]): Reply {
    const context = this.#context;
    switch (command) {
      case 'EVAL':
        this.#scripts.set(shaOf(args[0] as string), args[0] as string);
        return evaluate(context, args[0] as string, args.slice(1));
      case 'EVALSHA': {
        const source = this.#scripts.get((args[0] as string).toLowerCase());
        if (source === undefined) return new ReplyError('NOSCRIPT No matching script. Please use EVAL.');
        return evaluate(context, source, args.slice(1));
      }
      case 'SUBSCRIBE':
        for (const channel of args) this.#subscribe(session, channel);
        return session.channels.size;
      case 'UNSUBSCRIBE':
        for (const channel of args) {
          session.channels.delete(channel);
          this.#channels.get(channel)?.delete(session);
        }
        return session.channels.size;
      case 'HELLO':
      case 'CLIENT':
      case 'AUTH':
      case 'SELECT':
        return 'OK';
      case 'ROLE':
        return this.readOnly ? ['slave'] : ['master', this.#offset, []];
    }
    if (this.readOnly && WRITES.has(command)) {
      return new ReplyError("READONLY You can't write against a read only replica.");
    }
    return execute(context, command, args);
  }

  #subscribe(session: Session, channel: string): void {
    session.channels.add(channel);
    const sessions = this.#channels.get(channel) ?? new Set();
    sessions.add(session);
    this.#channels.set(channel, sessions);
  }

  #info(): string {
    const up = (this.#scheduler.now - this.#startedAt) * this.rate;
    return [
      '# Server',
      'redis_version:7.0.15',
      'redis_mode:standalone',
      `run_id:${this.#runId}`,
      `server_time_usec:${this.clock}`,
      `uptime_in_seconds:${Math.floor(up / 1_000)}`,
      '# Memory',
      'maxmemory_policy:noeviction',
      '# Persistence',
      'loading:0',
      '# Replication',
      `role:${this.readOnly ? 'slave' : 'master'}`,
      '# Cluster',
      'cluster_enabled:0',
      '',
    ].join('\r\n');
  }

  /** Whether anything was written. */
  #replicate(by: string | undefined): boolean {
    if (this.#changed) for (const key of this.keys.written) this.#changed(this, key, by);
    if (this.replicas.length === 0) {
      const wrote = this.keys.forgetEffects();
      if (wrote) this.#offset += 1;
      return wrote;
    }
    const effects = this.keys.takeEffects();
    if (effects.length === 0) return false;
    this.#offset += 1;
    const offset = this.#offset;
    for (const replica of this.replicas) {
      replica.#take(effects, () => {
        // A later one may have overtaken it, and what a replica has it keeps.
        this.#acknowledged.set(replica, Math.max(offset, this.#acknowledged.get(replica) ?? 0));
        for (const look of [...this.#waits]) look();
      });
    }
    return true;
  }

  #take(effects: Parameters<Keyspace['apply']>[0], acknowledge: () => void): void {
    const apply = (): void => {
      if (!this.#behind.includes(apply)) return;
      if (this.replicationStopped) return;
      this.#behind.splice(this.#behind.indexOf(apply), 1);
      this.keys.apply(effects);
      this.#scheduler.in(this.#lag(), acknowledge);
    };
    this.#behind.push(apply);
    this.#appliedAt = Math.max(this.#appliedAt, this.#scheduler.now + this.#lag());
    this.#scheduler.at(this.#appliedAt, apply);
  }

  #lag(): number {
    return LAG_MS[0] + this.#random.next() * (LAG_MS[1] - LAG_MS[0]);
  }

  /** WAIT, as of Redis 7.2: who has written nothing on this connection waits for nothing. */
  #wait(session: Session, wanted: number, timeout: number): void {
    if (this.readOnly) {
      session.peer.reply(new ReplyError('ERR WAIT cannot be used with replica instances.'));
      return;
    }
    const copies = (): number =>
      this.replicas.filter((replica) => (this.#acknowledged.get(replica) ?? 0) >= session.written).length;
    const answer = (): void => {
      session.blocked = false;
      this.#waits = this.#waits.filter((each) => each !== look);
      session.peer.reply(copies());
      while (session.queue.length > 0 && !session.blocked) this.#run(session, session.queue.shift() as string[]);
    };
    const look = (): void => {
      if (copies() >= wanted) answer();
    };
    if (copies() >= wanted || !session.peer.open) {
      session.peer.reply(copies());
      return;
    }
    session.blocked = true;
    this.#waits.push(look);
    if (timeout > 0) this.#scheduler.in(timeout, () => session.blocked && this.#waits.includes(look) && answer());
  }
}
