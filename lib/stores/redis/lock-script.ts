import { createHash } from 'node:crypto';
import type {
  Busy,
  Claim,
  Granted,
  PushedGrant,
  StoreHolder,
  StoreNote,
  StoreState,
  StoreWaiter,
} from '../../core/lock-store.js';
import { LOCK_SCRIPT, type LockOperation } from './scripts/lua.js';

export { LOCK_SCRIPT };

export const LOCK_SCRIPT_SHA = createHash('sha1').update(LOCK_SCRIPT).digest('hex');

/** The kinds of calls: fresh acquires, releases, renewals, and any operations. */
export type Kind = 'acquire' | 'release' | 'renew' | 'any';

/** An operation as the script takes it, in a call of its kind. An owner may be short. */
export interface Operation {
  readonly kind: Kind;
  /** What all operations of the call have in common. */
  readonly terms: string;
  readonly text: string;
  /** The longest lease that it may make, in ms. */
  readonly lease: number;
}

/** One that goes the slow path: its name, then its arguments, none of which contains a space. */
function any(name: LockOperation, args: readonly (string | number)[], lease = 0): Operation {
  return { kind: 'any', terms: '', text: [name, ...args].join(' '), lease };
}

/** Nearly all acquires of a process have the same terms, so those of the last one are kept. */
const last = { ttl: 0, block: 0, alive: 0, rest: '', terms: '' };

function termsOf(ttl: number, block: number, alive: number, rest: string): string {
  if (ttl !== last.ttl || block !== last.block || alive !== last.alive || rest !== last.rest) {
    Object.assign(last, { ttl, block, alive, rest, terms: `${ttl} ${block} ${alive} ${rest}` });
  }
  return last.terms;
}

/** Whether the instance of the owner is that of the call. */
function isShort(owner: string): boolean {
  return owner.startsWith('#');
}

export const operation = {
  acquire: (owner: string, claim: Claim, push: boolean, alive = claim.alive): Operation => {
    const { permits, ttl, ticket, attempt, block, callers = 1, maxWaiting = Number.POSITIVE_INFINITY } = claim;
    const hears = push ? 1 : 0;
    const bound = maxWaiting === Number.POSITIVE_INFINITY ? '' : ` ${maxWaiting}`;
    if (permits === 0 && attempt === 1 && ticket === 0 && callers === 1 && isShort(owner)) {
      return { kind: 'acquire', terms: termsOf(ttl, block, alive, `${hears}${bound}`), text: owner, lease: ttl };
    }
    return any('acquire', [permits, owner, ttl, block, alive, ticket, attempt, hears, `${callers}${bound}`], ttl);
  },
  renew: (owner: string, ttl: number): Operation =>
    isShort(owner) ? { kind: 'renew', terms: String(ttl), text: owner, lease: ttl } : any('renew', [ttl, owner], ttl),
  raise: (owner: string, ttl: number, token: number, block: number): Operation =>
    any('raise', [ttl, owner, token, block], ttl),
  /** `earlier`: the numbers of the calls in which it was sent before. */
  release: (owner: string, retain: number, earlier: readonly number[] = []): Operation =>
    retain === 0 && earlier.length === 0 && isShort(owner)
      ? { kind: 'release', terms: '', text: owner, lease: 0 }
      : any('release', [retain, owner, ...earlier], retain),
  withdraw: (owner: string): Operation => any('withdraw', [owner]),
  force: (expected: number | null): Operation => any('force', expected === null ? [] : [expected]),
  complete: (owner: string, remember: number, retain: number | undefined, earlier: readonly number[] = []): Operation =>
    any('complete', [remember, owner, ...(retain === undefined ? [] : [retain, ...earlier])], retain),
  marked: (): Operation => any('marked', []),
  unmark: (mark: string | number): Operation => any('unmark', [mark]),
  requestRelease: (): Operation => any('request-release', []),
  steal: (owner: string, { ttl, block }: Claim, expected: number | null): Operation =>
    any('steal', [owner, ttl, block, ...(expected === null ? [] : [expected])], ttl),
  inspect: (): Operation => any('inspect', []),
  /** Entries without spaces. */
  note: (keep: number, ttl: number, entries: readonly string[]): Operation => any('note', [keep, ttl, ...entries]),
  /** `since`: in ms. */
  notes: (since: number): Operation => any('notes', [since * 1_000]),
  /** `nonce`: what the instance then hears, if it hears anything. One word. */
  probe: (instance: string, nonce: string): Operation => any('probe', [instance, nonce]),
  /** What the process of the instance then hears, if it hears anything. Words without spaces, of which none is empty. */
  say: (instance: string, words: readonly string[]): Operation => any('say', [instance, ...words]),
};

/** The replies of one call, one for each operation; a single line is the reply to all of them. */
export function readReplies(reply: unknown, operations: number): string[] {
  const replies = typeof reply === 'string' ? reply.split('\n') : misunderstood();
  if (replies.length === operations) return replies;
  return replies.length === 1 ? new Array<string>(operations).fill(replies[0] as string) : misunderstood();
}

const TOKEN = /^\d+$/;
const HELD = /^[gn] (\d+) (\d+)$/;
const BUSY = /^([br]) (\d*) (\d+) (\d+) (.*)$/s;

/** Whether an answer to `acquire` says that the owner held it already: it has not heard the message of its grant, if it waited. */
export function wasHeldAlready(reply: string): boolean {
  return reply.startsWith('g ');
}

/** The answer to `acquire`. What is neither a grant nor a refusal throws: nobody has the lock by a misunderstanding. */
export function readAcquired(reply: string, { permits, block }: Claim): Granted | Busy {
  if (TOKEN.test(reply)) return { granted: true, token: Number(reply), block: permits > 0 ? 1 : block };
  const held = HELD.exec(reply);
  if (held) return { granted: true, token: Number(held[1]), block: Number(held[2]) };
  const [, kind, retryAfter, ticket, rank, holder] = BUSY.exec(reply) ?? misunderstood();
  return {
    granted: false,
    retryAfter: retryAfter ? Number(retryAfter) : null,
    ticket: Number(ticket),
    rank: Number(rank),
    holder: holder || undefined,
    ...(holder && !isOwner(holder) ? { foreign: true } : {}),
    ...(kind === 'r' ? { reentered: true } : {}),
  };
}

export function readYesOrNo(reply: string): boolean {
  return reply === '1' || (reply === '0' ? false : misunderstood());
}

/** The answer to `marked`. */
export function readMark(reply: string): number | null {
  if (reply === '') return null;
  return TOKEN.test(reply) ? Number(reply) : misunderstood();
}

/** The answer to `notes`. */
export function readNotes(reply: string): StoreNote[] {
  const words = reply === '' ? [] : reply.split(' ');
  if (words.length % 2 > 0) return misunderstood();
  return Array.from({ length: words.length / 2 }, (_, index) => ({
    at: Math.floor(Number(words[2 * index + 1]) / 1_000),
    text: decodeURIComponent(words[2 * index] as string),
  }));
}

/** The answer to `inspect`. */
export function readState(reply: string): StoreState {
  const [lastToken, holder, holderMs, shares, ...rest] = reply.split('\t');
  if (shares === undefined) return misunderstood();
  const token = lastToken ? Number(lastToken) : null;
  const holders: StoreHolder[] = holder ? [readHolder(holder, Number(holderMs))] : [];
  const sharesEnd = Number(shares) * 2;
  for (let i = 0; i < sharesEnd; i += 2) {
    const [retained, owner] = unmark(rest[i] as string);
    holders.push({ owner, mode: 'shared', token, remaining: Number(rest[i + 1]), retained });
  }
  const waiting: StoreWaiter[] = [];
  for (let i = sharesEnd; i < rest.length; i += 4) {
    const mode = rest[i + 1] === '0' ? 'exclusive' : 'shared';
    waiting.push({ owner: rest[i] as string, mode, waited: Number(rest[i + 2]), callers: Number(rest[i + 3]) });
  }
  return { holders, waiting, lastToken: token };
}

const MESSAGE = /^(\d+) (?:p (\S+)|([?xr])(?: (\d+))?|(\d+) (\d+) (\d+) ([01]))$/;

/** `x`: a hold was ended by force. `r`: somebody asks for it. `?`: ask again. `p`: a probe. `q`: a question. `a`: its answer. */
export type MessageKind = PushedGrant | '?' | 'x' | 'r' | 'p' | 'q' | 'a';

export interface Message {
  /** The owner's number; 0 for the instance itself. */
  readonly seq: string;
  readonly kind: MessageKind;
  /** Of `x` and `r`: the token of the hold that is meant. */
  readonly token?: number;
  /** Of `p`, `q` and `a`. */
  readonly nonce?: string;
  /** Of `q` and `a`: the instance that says it, and what it says. */
  readonly from?: string;
  readonly text?: string;
}

const SAID = /^0 ([qa]) (\S+) (\S+) (\S+)$/;

/** What is said on the channel of an instance; undefined for what is none. */
export function readMessage(message: string): Message | undefined {
  const said = SAID.exec(message);
  if (said) return readSaid(said);
  const [, seq, nonce, letter, meant, attempt, token, block, provisional] = MESSAGE.exec(message) ?? [];
  if (seq === undefined) return undefined;
  if (nonce) return { seq, kind: 'p', nonce };
  if (letter) return { seq, kind: letter as '?' | 'x' | 'r', ...(meant ? { token: Number(meant) } : {}) };
  const grant = { attempt: Number(attempt), token: Number(token), block: Number(block) };
  return { seq, kind: { granted: true, ...grant, provisional: provisional === '1' } };
}

function readSaid([, kind, from, nonce, text]: RegExpExecArray): Message | undefined {
  try {
    return { seq: '0', kind: kind as 'q' | 'a', from, nonce, text: decodeURIComponent(text as string) } as Message;
  } catch {
    // Nothing of ours is written so.
    return undefined;
  }
}

function misunderstood(): never {
  throw new Error('it answered something else');
}

const HOLDER = /^(~?)(\S+#\d+) (\d+)(?: \d+)?$/;

/** Of a holder that another program wrote, the text is the owner and the token unknown. */
function readHolder(value: string, ttl: number): StoreHolder {
  const [, tilde, owner = value, token] = HOLDER.exec(value) ?? [];
  const remaining = ttl < 0 ? null : ttl;
  const mode = 'exclusive';
  return { owner, mode, token: token === undefined ? null : Number(token), remaining, retained: tilde === '~' };
}

function isOwner(holder: string): boolean {
  return /^\S+#\d+$/.test(holder);
}

/** A holder that has released, but is kept for a while, is marked by a tilde. */
function unmark(owner: string): [retained: boolean, owner: string] {
  return owner.startsWith('~') ? [true, owner.slice(1)] : [false, owner];
}
