import { LockUnavailableError } from '../../core/errors.js';
import { instanceOf } from '../../core/instance.js';
import type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  LockStoreExtras,
  Owned,
  Owner,
  ReleaseAnswer,
  Renewal,
  StoreListener,
  StoreNote,
  StoreState,
  StoreStatus,
} from '../../core/lock-store.js';
import type { LockLogger } from '../../core/logger.js';
import type { Connection } from './connection.js';
import { warnOfEviction } from './eviction.js';
import { ForeignHolders } from './foreign-holders.js';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';
import { channelPrefix } from './keys.js';
import { LateAcquires } from './late-acquires.js';
import {
  type Operation,
  operation,
  readAcquired,
  readMark,
  readNotes,
  readState,
  readYesOrNo,
  wasHeldAlready,
} from './lock-script.js';
import { namesIn } from './names-in.js';
import { ReleaseTraces } from './release-traces.js';
import { Replacement } from './replacement.js';
import { Topology } from './topology.js';
import { WakeChannel } from './wake-channel.js';

export interface RedisLockStoreOptions {
  readonly connection: Connection;
  readonly namespace: string;
  readonly commandTimeout: number;
  /** How long Redis may be away or silent before anything is made of that, in ms. Default: `commandTimeout`. */
  readonly patience?: number | undefined;
  readonly logger: LockLogger | undefined;
  /** Default: what is found at the first connection. */
  readonly oneNamePerCall?: boolean | undefined;
  /** Shared by the servers of a quorum. */
  readonly foreign?: ForeignHolders;
}

/** The lock of this name has the journal beside it. */
const JOURNAL = 'journal';
/** So long after the last note the journal is forgotten. */
const JOURNAL_MS = 30 * 86_400_000;

interface AcknowledgedLane {
  readonly connection: Connection;
  readonly commands: GroupCommit;
  readonly replacement: Replacement;
}

/** The port on Redis: one server, with or without Sentinel, or a Cluster. The algorithm is in `scripts/lock`. */
export class RedisLockStore implements LockStore, LockStoreExtras {
  readonly #connection: Connection;
  readonly #commands: GroupCommit;
  readonly #commandOptions: GroupCommitOptions;
  /** What waits for replicas holds up its connection, and so has one of its own. */
  #acknowledged: AcknowledgedLane | undefined;
  /** Of the acquires that may be overtaken: by another connection, or as a Cluster sends again what a connection has lost. */
  readonly #lateAcquires = new LateAcquires((owned) => this.#withdraw(owned));
  readonly #channelPrefix: string;
  readonly #foreign: ForeignHolders;
  readonly #traces = new ReleaseTraces();
  readonly #logger: LockLogger | undefined;
  readonly #listeners = new Map<string, StoreListener>();
  readonly #channels = new Map<string, WakeChannel>();

  constructor(options: RedisLockStoreOptions) {
    const { connection, namespace, commandTimeout, patience = commandTimeout, logger, oneNamePerCall } = options;
    this.#connection = connection;
    this.#foreign = options.foreign ?? new ForeignHolders(logger);
    this.#logger = logger;
    this.#channelPrefix = channelPrefix(namespace);
    const topology = new Topology(connection, { namespace, oneNamePerCall, commandTimeout: patience, logger });
    this.#commandOptions = {
      namespace,
      channelPrefix: this.#channelPrefix,
      commandTimeout,
      patience,
      topology,
      traces: this.#traces,
    };
    this.#commands = new GroupCommit(connection, this.#commandOptions);
    connection.onReady(() => this.#openChannels());
    connection.onLost(() => {
      for (const channel of this.#channels.values()) channel.commandsLost();
    });
    connection.onEnd(() => this.#closeOwn());
    warnOfEviction(connection, logger);
  }

  acquire(claim: Claim): Promise<Granted | Busy> {
    const channel = this.#channelOf(claim.owner);
    const aliveFor = Math.min(claim.alive, channel?.aliveFor ?? claim.alive);
    const push = channel?.verified === true;
    const acquire = operation.acquire(this.#commands.short(claim.owner), claim, push, aliveFor);
    return this.#claim(
      claim,
      acquire,
      (answer, wasHeld) => channel?.answered(claim.owner, aliveFor, answer, wasHeld) ?? answer,
    );
  }

  steal(claim: Claim, expected: number | null): Promise<Granted | Busy> {
    return this.#claim(claim, operation.steal(this.#commands.short(claim.owner), claim, expected));
  }

  renew({ ttl, ...owned }: Renewal): Promise<boolean> {
    return this.#keep(owned, operation.renew(this.#commands.short(owned.owner), ttl), readYesOrNo);
  }

  complete({ remember, retain, ...owned }: Completion): Promise<boolean> {
    const { owner } = owned;
    const written = (earlier?: readonly number[]): Operation =>
      operation.complete(this.#commands.short(owner), remember, retain, earlier);
    if (retain === undefined) return this.#keep(owned, written(), readYesOrNo);
    const traces = this.#traces;
    const readReleased = (reply: string, since: number): boolean => {
      const answer = traces.read(owner, reply, since);
      if (answer !== 'unknown') return answer;
      throw new LockUnavailableError(owned.name, 'it cannot tell any more whether the mark was set');
    };
    return this.#keep(owned, written(traces.earlier(owner)), readReleased, owner);
  }

  /** A renewal, after which `token` is that of the hold, and all later ones are higher than the last of `block`. */
  raise({ name, owner, ttl, token, block = 1 }: Renewal & { token: number }): Promise<boolean> {
    const raised = operation.raise(this.#commands.short(owner), ttl, token, block);
    return this.#commands.submit({ name, operation: raised, decode: readYesOrNo, patient: false });
  }

  release({ name, owner, retain }: Owned & { retain: number }): Promise<ReleaseAnswer> {
    const { losses } = this.#connection;
    const traces = this.#traces;
    this.#lateAcquires.left({ name, owner });
    return this.#commands.submit({
      name,
      operation: operation.release(this.#commands.short(owner), retain, traces.earlier(owner)),
      decode: (reply, _copies, since) => traces.read(owner, reply, since),
      releases: owner,
      // What the other connection has acquired may be released before this one is there for the first time.
      patient: losses === 0,
    });
  }

  withdraw(owned: Owned): Promise<void> {
    this.#channelOf(owned.owner)?.waitsNoMore(owned.owner);
    this.#lateAcquires.left(owned);
    return this.#withdraw(owned);
  }

  inspect(name: string): Promise<StoreState> {
    return this.#commands.submit({ name, operation: operation.inspect(), decode: readState });
  }

  force(name: string, expected: number | null): Promise<boolean> {
    return this.#commands.submit({ name, operation: operation.force(expected), decode: readYesOrNo });
  }

  doneAt(name: string): Promise<number | null> {
    return this.#commands.submit({ name, operation: operation.marked(), decode: readMark, readsOnly: true });
  }

  unmark(name: string, mark: Owner | number): Promise<boolean> {
    const unmarked = operation.unmark(typeof mark === 'number' ? mark : this.#commands.short(mark));
    return this.#commands.submit({ name, operation: unmarked, decode: readYesOrNo });
  }

  requestRelease(name: string): Promise<boolean> {
    return this.#commands.submit({
      name,
      operation: operation.requestRelease(),
      readsOnly: true,
      decode: (reply) => {
        if (reply !== 'f') return readYesOrNo(reply);
        this.#foreign.requested(name);
        return true;
      },
    });
  }

  async names(prefix: string): Promise<readonly string[]> {
    const { namespace, commandTimeout } = this.#commandOptions;
    // By the way of all calls, which know of an outage, and wait until Redis is not busy any more.
    await this.doneAt('names');
    return namesIn(this.#connection.client, { namespace, prefix, commandTimeout });
  }

  async ask(instances: readonly string[], question: string, ms: number): Promise<ReadonlyMap<string, string>> {
    const [channel] = this.#channels.values();
    return channel ? channel.ask(instances, question, ms) : new Map();
  }

  note(texts: readonly string[], keep: number): Promise<void> {
    const note = operation.note(keep, JOURNAL_MS, texts.map(encodeURIComponent));
    return this.#commands.submit({ name: JOURNAL, operation: note, decode: (reply) => void readYesOrNo(reply) });
  }

  notes(since: number): Promise<readonly StoreNote[]> {
    const notes = operation.notes(since);
    return this.#commands.submit({ name: JOURNAL, operation: notes, decode: readNotes, readsOnly: true });
  }

  status(): StoreStatus {
    const [proven] = [...this.#channels.values()].map(({ isProven }) => isProven);
    return { kind: 'redis', messagesProven: proven };
  }

  subscribe(instance: string, listener: StoreListener): () => void {
    this.#listeners.set(instance, listener);
    this.#commands.instance ||= instance;
    if (!this.#connection.ended) this.#openChannel(instance, listener);
    return () => {
      this.#listeners.delete(instance);
      this.#channels.get(instance)?.close();
      this.#channels.delete(instance);
    };
  }

  async close(): Promise<void> {
    this.#lateAcquires.close();
    this.#closeOwn();
    this.#commands.close();
    this.#connection.close();
  }

  #claim(
    claim: Claim,
    claimed: Operation,
    hear = (answer: Granted | Busy, _wasHeld: boolean): Granted | Busy => answer,
  ): Promise<Granted | Busy> {
    const { name, owner, replicas = 0 } = claim;
    return this.#lane(replicas, name).submit({
      name,
      operation: claimed,
      decode: (reply, copies) => {
        const answer = readAcquired(reply, claim);
        if (answer.granted) assertCopies(name, copies, replicas);
        return hear(answer, wasHeldAlready(reply));
      },
      replicas,
      onGone: replicas > 0 || this.#connection.isCluster ? this.#lateAcquires.sent(owner) : undefined,
    });
  }

  #withdraw({ name, owner }: Owned): Promise<void> {
    return this.#commands.submit({
      name,
      operation: operation.withdraw(this.#commands.short(owner)),
      decode: (reply) => void readYesOrNo(reply),
      patient: false,
    });
  }

  /** What an owner writes about its hold. */
  #keep(
    { name, replicas = 0 }: { name: string; replicas?: number },
    written: Operation,
    read: (reply: string, since: number) => boolean,
    releases?: Owner,
  ): Promise<boolean> {
    return this.#lane(replicas, name).submit({
      name,
      operation: written,
      decode: (reply, copies, since) => {
        const ours = read(reply, since);
        if (ours) assertCopies(name, copies, replicas);
        return ours;
      },
      patient: false,
      replicas,
      ...(releases === undefined ? {} : { releases }),
    });
  }

  /** Where Redis is known to be away, the call is refused, and need not find that out by another connection. */
  #lane(replicas: number, name: string): GroupCommit {
    if (replicas === 0 || this.#connection.ended) return this.#commands;
    if (!this.#acknowledged && this.#commands.refuses(name)) return this.#commands;
    this.#acknowledged ??= this.#openAcknowledged();
    return this.#acknowledged.commands;
  }

  #openAcknowledged(): AcknowledgedLane {
    const connection = this.#connection.duplicate(this.#logger);
    const commands = new GroupCommit(connection, this.#commandOptions);
    commands.instance = this.#commands.instance;
    const replacement = new Replacement(connection);
    connection.onSignInRefused(() => replacement.begin());
    connection.onReady(() => replacement.works());
    return { connection, commands, replacement };
  }

  #channelOf(owner: Owner): WakeChannel | undefined {
    const { instance } = this.#commands;
    return this.#channels.get(owner.startsWith(`${instance}#`) ? instance : instanceOf(owner));
  }

  #openChannel(instance: string, listener: StoreListener): void {
    const probe = (nonce: string): Promise<number> =>
      this.#commands.submit({
        name: 'probe',
        operation: operation.probe(instance, nonce),
        decode: Number,
        readsOnly: true,
      });
    const say = (to: string, words: readonly string[]): Promise<number> =>
      this.#commands.submit({ name: 'probe', operation: operation.say(to, words), decode: Number, readsOnly: true });
    const channel = new WakeChannel({
      connection: this.#connection,
      channelPrefix: this.#channelPrefix,
      instance,
      listener,
      logger: this.#logger,
      commandTimeout: this.#commandOptions.patience,
      probe,
      say,
    });
    this.#channels.set(instance, channel);
  }

  /** Connected (again): the other connection may listen to another server now, or have been closed. */
  #openChannels(): void {
    for (const [instance, listener] of this.#listeners) {
      const channel = this.#channels.get(instance);
      if (channel) void channel.refresh();
      else this.#openChannel(instance, listener);
    }
  }

  /** What was opened beside the connection for commands. */
  #closeOwn(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.#acknowledged?.replacement.stop();
    this.#acknowledged?.commands.close();
    this.#acknowledged?.connection.close();
    this.#acknowledged = undefined;
  }
}

/** Whether the replicas have it is not known, or they have not: it is no grant then, and is taken back. */
function assertCopies(name: string, copies: number, wanted: number): void {
  if (copies >= wanted) return;
  throw new LockUnavailableError(name, `${copies} of the ${wanted} replicas that \`replicas\` asks for have the lock`);
}
