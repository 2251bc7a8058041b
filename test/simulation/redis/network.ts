import type { Random } from '../../faults/random.js';
import type { SimProcess } from '../machine/process.js';
import { PHASE, type Scheduler } from '../machine/scheduler.js';
import type { Reply } from './reply.js';
import type { Peer, SimServer } from './server.js';

/** What a connection is for, which is seen by how it is used. */
export type Role = 'commands' | 'messages' | 'replicas';

/** How the links of one kind between one place and one server are at the moment. */
export interface Conditions {
  /** Nothing comes through to the server, or from it. */
  up: boolean;
  down: boolean;
  /** New connections: as ever, refused at once, or never answered. */
  connects: 'yes' | 'refused' | 'never';
  /** On top of what is usual, in ms. */
  delay: number;
}

const DELAYS_MS: Record<Role, readonly [number, number]> = {
  commands: [0.15, 2],
  messages: [0.15, 4],
  replicas: [0.15, 3],
};

const CONNECT_AGAIN_MS = 1_000;

export interface Receiver {
  connected(): void;
  refused(): void;
  received(reply: Reply): void;
  pushed(channel: string, message: string): void;
  /** The other side has ended the connection, or the network has. */
  ended(error?: Error): void;
}

/** All the links between processes and servers, and what is wrong with them. */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #conditions = new Map<string, Conditions>();
  readonly #wires = new Set<Wire>();
  /** Where an address leads. */
  readonly addresses = new Map<string, SimServer>();

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  conditions(slot: string, server: SimServer, role: Role): Conditions {
    const key = `${slot} ${server.id} ${role}`;
    const known = this.#conditions.get(key);
    if (known) return known;
    const conditions: Conditions = { up: true, down: true, connects: 'yes', delay: 0 };
    this.#conditions.set(key, conditions);
    return conditions;
  }

  wires(slot?: string, server?: SimServer, role?: Role): Wire[] {
    return [...this.#wires].filter(
      (wire) =>
        (slot === undefined || wire.slot === slot) &&
        (server === undefined || wire.server === server) &&
        (role === undefined || wire.role === role),
    );
  }

  /** The connections that a process has open. */
  openOf(process: SimProcess): number {
    return [...this.#wires].filter((wire) => wire.process === process && wire.openHere).length;
  }

  open(process: SimProcess, address: string, role: Role, receiver: Receiver): Wire {
    const server = this.addresses.get(address);
    if (!server) throw new Error(`no server at ${address}`);
    const over = (wire: Wire): void => void this.#wires.delete(wire);
    const wire = new Wire({ process, server, role, receiver, over, network: this, scheduler: this.#scheduler });
    this.#wires.add(wire);
    wire.connect();
    return wire;
  }

  delayFor(wire: Wire): number {
    const [least, most] = DELAYS_MS[wire.role];
    const { delay } = this.conditions(wire.slot, wire.server, wire.role);
    // Most are quick, some are not.
    const drawn = this.#random.next() ** 3;
    return least + drawn * (most - least) + delay;
  }

  /** What was held back comes through, in its order. */
  healed(slot: string, server: SimServer, role: Role): void {
    for (const wire of this.wires(slot, server, role)) wire.release();
  }
}

interface WireOptions {
  readonly process: SimProcess;
  readonly server: SimServer;
  readonly role: Role;
  readonly receiver: Receiver;
  readonly network: Network;
  readonly scheduler: Scheduler;
  over(wire: Wire): void;
}

/** One TCP connection: keeps the order of what it carries, or ends. */
export class Wire implements Peer {
  readonly process: SimProcess;
  readonly server: SimServer;
  readonly slot: string;
  role: Role;
  /** On either side. */
  openHere = true;
  open = false;
  /** Swallows everything, for ever: neither side is told. */
  swallows = false;
  readonly #options: WireOptions;
  /** What is under way does not arrive. */
  #lost = false;
  #downLost = false;
  #lastUp = 0;
  #lastDown = 0;
  #heldUp: (() => void)[] = [];
  #heldDown: (() => void)[] = [];

  constructor(options: WireOptions) {
    this.#options = options;
    this.process = options.process;
    this.server = options.server;
    this.role = options.role;
    this.slot = options.process.slot;
    this.process.onDeath(() => this.close());
  }

  get worker(): string {
    return this.process.name;
  }

  /** What is not answered is asked again, as TCP does: but each second, so that the bounds of the checker hold. */
  connect(): void {
    const { receiver, scheduler, network } = this.#options;
    if (!this.openHere || this.open) return;
    const { connects } = network.conditions(this.slot, this.server, this.role);
    const delay = network.delayFor(this);
    if (connects === 'refused' || (connects === 'yes' && !this.server.up)) {
      this.#here(delay, () => {
        if (!this.openHere) return;
        this.#closeHere();
        receiver.refused();
      });
      return;
    }
    scheduler.in(CONNECT_AGAIN_MS, () => this.connect());
    if (connects === 'never' || !this.throughBoth) return;
    scheduler.in(delay, () => {
      if (!this.openHere || this.open || !this.server.up || !this.throughBoth) return;
      this.open = true;
      this.server.accept(this);
      this.#down(() => receiver.connected());
    });
  }

  send(command: readonly string[]): void {
    if (!this.openHere) return;
    this.#up(() => this.server.receive(this, command));
  }

  reply(reply: Reply): void {
    if (this.open) this.#down(() => this.#options.receiver.received(reply));
  }

  push(channel: string, message: string): void {
    if (this.open) this.#down(() => this.#options.receiver.pushed(channel, message));
  }

  /** The server closes its side; what it has sent before arrives before that. */
  hangUp(): void {
    if (!this.open) return;
    this.open = false;
    this.#down(() => {
      if (!this.openHere) return;
      this.#closeHere();
      this.#options.receiver.ended();
    });
  }

  /** The client closes its side; what it has sent before arrives before that. */
  close(): void {
    if (!this.openHere) return;
    this.#up(() => this.#left());
    this.#closeHere();
  }

  /** The network ends it: what is under way is lost. `replies`: but not what the server has been asked. */
  reset({ requestsArrive = false } = {}): void {
    const { scheduler, receiver } = this.#options;
    this.#heldUp = [];
    this.#heldDown = [];
    if (!requestsArrive) this.#lost = true;
    if (requestsArrive) scheduler.at(Math.max(this.#lastUp, scheduler.now), () => this.#left());
    else this.#left();
    this.#downLost = true;
    this.#hereAt(scheduler.now + 0.1, () => {
      if (!this.openHere) return;
      this.#closeHere();
      receiver.ended(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    });
  }

  /** Swallows everything from now on. `noticedAfter`: then the server finds out, and closes its side. */
  swallow(noticedAfter?: number): void {
    this.swallows = true;
    if (noticedAfter === undefined) return;
    this.#options.scheduler.in(noticedAfter, () => this.#left());
  }

  release(): void {
    if (this.#throughUp) {
      const held = this.#heldUp;
      this.#heldUp = [];
      for (const run of held) this.#up(run);
    }
    if (this.#throughDown) {
      const held = this.#heldDown;
      this.#heldDown = [];
      for (const run of held) this.#down(run);
    }
  }

  get throughBoth(): boolean {
    return this.#throughUp && this.#throughDown;
  }

  get #throughUp(): boolean {
    return !this.swallows && this.#options.network.conditions(this.slot, this.server, this.role).up;
  }

  get #throughDown(): boolean {
    return !this.swallows && this.#options.network.conditions(this.slot, this.server, this.role).down;
  }

  #up(run: () => void): void {
    const { scheduler, network } = this.#options;
    if (!this.#throughUp || this.#heldUp.length > 0) {
      this.#heldUp.push(run);
      return;
    }
    this.#lastUp = Math.max(this.#lastUp, scheduler.now + network.delayFor(this));
    scheduler.at(this.#lastUp, () => {
      if (!this.#lost) run();
    });
  }

  #down(run: () => void): void {
    const { scheduler, network } = this.#options;
    if (!this.#throughDown || this.#heldDown.length > 0) {
      this.#heldDown.push(run);
      return;
    }
    this.#lastDown = Math.max(this.#lastDown, scheduler.now + network.delayFor(this));
    this.#hereAt(this.#lastDown, () => {
      if (!this.#downLost && this.openHere) run();
    });
  }

  #here(ms: number, run: () => void): void {
    this.#hereAt(this.#options.scheduler.now + ms, run);
  }

  #hereAt(at: number, run: () => void): void {
    this.#options.scheduler.at(at, run, this.process, PHASE.io);
  }

  #closeHere(): void {
    this.openHere = false;
    this.#settle();
  }

  /** Closed on the server's side. */
  #left(): void {
    if (!this.open) return;
    this.open = false;
    this.server.left(this);
    this.#settle();
  }

  #settle(): void {
    if (!this.openHere && !this.open) this.#options.over(this);
  }
}
