import type { Moment } from '../../faults/history/event.js';
import { EPOCH_MS } from '../machine/process.js';
import type { SimServer } from '../redis/server.js';
import { SortedSet } from '../redis/sorted-set.js';

/** What one server had on record for one owner, as long as it was held. */
export interface Held {
  readonly server: string;
  readonly name: string;
  /** The process that the owner belongs to. */
  readonly worker: string;
  /** Of an exclusive hold. */
  token: number | undefined;
  readonly from: Moment;
  until: Moment;
  /** Whose command has ended it; undefined: nobody's, its time was over, or the server has lost it. */
  endedBy: string | undefined;
}

interface Open extends Held {
  /** By the server's clock, in ms. */
  ends: number;
}

const KEY = /^[^{]*\{([^}]*)\}(:shared)?$/;
const OWNER = /^[0-9a-f]{32}\.(.+)#\d+$/;

/** Watches the servers, which alone know who holds: what nobody else is told is judged by this. */
export class Truth {
  readonly all: Held[] = [];
  readonly #open = new Map<string, Open>();
  readonly #now: () => Moment;

  constructor(now: () => Moment) {
    this.#now = now;
  }

  /** A command of `by` (a process, or an operator) has changed the key. */
  changed(server: SimServer, key: string, by: string | undefined): void {
    const [, name, isShared] = KEY.exec(key) ?? [];
    if (name === undefined) return;
    const holders = isShared ? sharers(server, key) : exclusive(server, key);
    for (const [place, open] of this.#open) {
      if (place.startsWith(`${server.id} ${key} `) && !holders.has(place.slice(`${server.id} ${key} `.length))) {
        this.#close(place, open, server, by);
      }
    }
    for (const [owner, { token, ends }] of holders) {
      const place = `${server.id} ${key} ${owner}`;
      const open = this.#open.get(place);
      if (open) Object.assign(open, { token, ends });
      else this.#begin(place, server, name, owner, { token, ends });
    }
  }

  /** The server knows nothing any more, or nobody asks it any more. */
  forgot(server: SimServer): void {
    for (const [place, open] of this.#open) if (open.server === server.id) this.#close(place, open, server, undefined);
  }

  /** The server is asked from now on. */
  took(server: SimServer): void {
    for (const { key } of server.keysLeft()) this.changed(server, key, undefined);
  }

  end(servers: readonly SimServer[]): void {
    for (const server of servers) this.forgot(server);
  }

  #begin(
    place: string,
    server: SimServer,
    name: string,
    owner: string,
    lease: { token: number | undefined; ends: number },
  ): void {
    const worker = OWNER.exec(owner)?.[1];
    if (worker === undefined) return;
    const open = {
      server: server.id,
      name,
      worker,
      from: this.#now(),
      until: Number.NaN,
      endedBy: undefined,
      ...lease,
    };
    this.#open.set(place, open);
    this.all.push(open);
  }

  #close(place: string, open: Open, server: SimServer, by: string | undefined): void {
    this.#open.delete(place);
    const ended = Math.min(this.#now(), (open.ends - EPOCH_MS - server.clockOffset) / server.rate);
    open.until = Math.max(open.from, ended);
    if (ended === this.#now()) open.endedBy = by;
  }
}

/** A holder that has released and is only kept (`holdAtLeast`) does not count. */
function exclusive(server: SimServer, key: string): Map<string, { token: number; ends: number }> {
  const value = server.keys.get(key);
  const [, owner, token] = typeof value === 'string' ? (/^([^~\s]\S*) (\d+)(?: \d+)?$/.exec(value) ?? []) : [];
  if (owner === undefined) return new Map();
  // A key is there until its last ms is over.
  return new Map([[owner, { token: Number(token), ends: (server.keys.until(key) ?? 0) + 1 }]]);
}

function sharers(server: SimServer, key: string): Map<string, { token: undefined; ends: number }> {
  const set = server.keys.get(key);
  const shares = set instanceof SortedSet ? set.all : [];
  const held = shares.filter(([owner]) => !owner.startsWith('~'));
  return new Map(held.map(([owner, ends]) => [owner, { token: undefined, ends }]));
}
