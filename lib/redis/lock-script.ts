import { createHash } from 'node:crypto';
import type { Busy, Claim, Granted, PushedGrant, StoreHolder, StoreState, StoreWaiter } from '../core/lock-store.js';
import { LOCK_SCRIPT } from './scripts/lua.js';

export { LOCK_SCRIPT };

export const LOCK_SCRIPT_SHA = createHash('sha1').update(LOCK_SCRIPT).digest('hex');

/** An operation as the script takes it: its name, then its arguments. */
export type Operation = readonly string[];

export const operation = {
  acquire: ({ owner, permits, ttl, alive, ticket, attempt, block }: Claim, push: boolean): Operation => {
    return ['acquire', owner, ...[permits, ttl, alive, ticket, attempt, block].map(String), push ? '1' : '0'];
  },
  renew: (owner: string, ttl: number): Operation => ['renew', owner, String(ttl)],
  release: (owner: string, retain: number): Operation => ['release', owner, String(retain)],
  withdraw: (owner: string): Operation => ['withdraw', owner],
  force: (expected: number | null): Operation => ['force', String(expected ?? '')],
  inspect: (): Operation => ['inspect'],
  probe: (instance: string): Operation => ['probe', instance],
};

const GRANTED = /^(?:g (\d+) (\d+)|(\d+))$/;
const BUSY = /^b (\d+) (\d+) (\d+) ([\s\S]*)$/;

/** The answer to `acquire`. What is neither a grant nor a refusal throws: nobody has the lock by a misunderstanding. */
export function readAcquired(reply: unknown, { permits, block }: Claim): Granted | Busy {
  const granted = GRANTED.exec(textOf(reply));
  if (granted) {
    const [, known, knownBlock, fresh] = granted;
    if (fresh !== undefined) return { granted: true, token: Number(fresh), block: permits > 0 ? 1 : block };
    return { granted: true, token: Number(known), block: Number(knownBlock) };
  }
  const [, retryAfter, ticket, rank, holder] = BUSY.exec(textOf(reply)) ?? misunderstood();
  return {
    granted: false,
    retryAfter: Number(retryAfter),
    ticket: Number(ticket),
    rank: Number(rank),
    holder: holder || undefined,
  };
}

export function readYesOrNo(reply: unknown): boolean {
  const text = textOf(reply);
  return text === '1' || (text === '0' ? false : misunderstood());
}

/** The answer to `inspect`. */
export function readState(reply: unknown): StoreState {
  if (!Array.isArray(reply) || reply.length < 4) return misunderstood();
  const [lastToken, holder, holderMs, shares, ...rest] = reply.map(String);
  const token = lastToken ? Number(lastToken) : null;
  const holders: StoreHolder[] = holder ? [readHolder(holder, Number(holderMs))] : [];
  const sharesEnd = Number(shares) * 2;
  for (let i = 0; i < sharesEnd; i += 2) {
    const [retained, owner] = unmark(rest[i] as string);
    holders.push({ owner, mode: 'shared', token, remaining: Number(rest[i + 1]), retained });
  }
  const waiting: StoreWaiter[] = [];
  for (let i = sharesEnd; i < rest.length; i += 3) {
    const mode = rest[i + 1] === '0' ? 'exclusive' : 'shared';
    waiting.push({ owner: rest[i] as string, mode, waited: Number(rest[i + 2]) });
  }
  return { holders, waiting, lastToken: token };
}

const PUSHED = /^(\d+) (?:(x)|(\?)|(\d+) (\d+) (\d+) ([01]))$/;

/** A message on the channel of an instance; undefined for what is none. */
export function readMessage(
  message: string,
): { seq: string; kind: 'x' | '?' } | { seq: string; kind: PushedGrant } | undefined {
  const [, seq, forced, again, attempt, token, block, provisional] = PUSHED.exec(message) ?? [];
  if (seq === undefined) return undefined;
  if (forced || again) return { seq, kind: forced ? 'x' : '?' };
  const grant = { attempt: Number(attempt), token: Number(token), block: Number(block) };
  return { seq, kind: { granted: true, ...grant, provisional: provisional === '1' } };
}

/** Numbers come as texts from a client with `stringNumbers`. */
function textOf(reply: unknown): string {
  return typeof reply === 'string' || typeof reply === 'number' ? String(reply) : misunderstood();
}

function misunderstood(): never {
  throw new Error('it answered something else');
}

/** Of a holder that another program wrote, the text is the owner and the token unknown. */
function readHolder(value: string, ttl: number): StoreHolder {
  const [retained, text] = unmark(value);
  const [, owner = text, token] = /^(.*) (\d+)$/.exec(text) ?? [];
  const remaining = ttl < 0 ? Number.POSITIVE_INFINITY : ttl;
  return { owner, mode: 'exclusive', token: token === undefined ? null : Number(token), remaining, retained };
}

/** A holder that has released, but is kept for a while, is marked by a tilde. */
function unmark(owner: string): [retained: boolean, owner: string] {
  return owner.startsWith('~') ? [true, owner.slice(1)] : [false, owner];
}
