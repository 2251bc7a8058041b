/** Milliseconds of the machine's monotonic clock, which all processes of the machine share. */
export type Moment = number;

export function now(): Moment {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Why two may believe to hold, through no fault of the library: the store forgot, or its clock was set. */
export type Excuse = 'data loss' | 'deletion' | 'take-over' | 'fail-over' | 'server clock';

/**
 * What a fault must leave unharmed nevertheless. Calls: none is answered `LOCK_UNAVAILABLE`. Patience: none is, before the
 * fault has lasted for `commandTimeout`. Holds: none that is renewed runs out. Waiters: they are served, if later than usual.
 */
export type Spared = 'calls' | 'patience' | 'holds' | 'waiters';

/** A request is one call for a lock; once granted, it names the hold. */
interface OfRequest {
  readonly at: Moment;
  readonly request: string;
}

export interface Asked extends OfRequest {
  readonly kind: 'asked';
  readonly worker: string;
  readonly name: string;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  /** For how long it stands in line, in ms. */
  readonly wait: number;
  /** Its lease is renewed until it is given back. Default: true. */
  readonly renews?: boolean;
  /** Asked while healing: it has to be served. */
  readonly probe?: boolean;
  /** The request whose body called for it, awaited or not: the frame around it in the call chain. */
  readonly parent?: string | undefined;
  /** It may share what its call chain holds. */
  readonly reentrant?: boolean;
  /** By `once`: the name is that of the element, and `granted` means that the body has begun. */
  readonly once?: boolean;
}

export interface Granted extends OfRequest {
  readonly kind: 'granted';
  readonly token: number;
}

export interface Refused extends OfRequest {
  readonly kind: 'refused';
  readonly code: string;
  /** It waited for its own call chain, the error said. */
  readonly ownChain?: boolean | undefined;
  /** Why the store is unavailable, for the reader of a report. */
  readonly note?: string | undefined;
}

/** The holder looked at its lock, with a guarded write in mind or not. */
export interface Checked extends OfRequest {
  readonly kind: 'checked';
  /** `held`, with the signal not aborted, read after `at`. */
  readonly held: boolean;
  /** The latest moment at which the lease may end, as far as the holder can know without a turn of the event loop. */
  readonly deadline: Moment;
}

export interface Lost extends OfRequest {
  readonly kind: 'lost';
  readonly why: string;
}

export interface Releasing extends OfRequest {
  readonly kind: 'releasing';
}

/** `answer`: what the call resolved to; null: it rejected, or nobody can see it. */
export interface Released extends OfRequest {
  readonly kind: 'released';
  readonly answer: boolean | null;
}

/** What the guarded register said to a write. */
export interface Written extends OfRequest {
  readonly kind: 'written';
  readonly name: string;
  readonly token: number;
  readonly accepted: boolean;
}

/** How the body of a `once` came out: known before anything could be marked. */
export interface BodyOver extends OfRequest {
  readonly kind: 'ended' | 'threw';
}

/** What a `once` answered. */
export interface Outcome extends OfRequest {
  readonly kind: 'outcome';
  readonly status: 'ran' | 'done' | 'busy' | 'failed';
  readonly code?: string;
  /** Of a lock that was lost. */
  readonly why?: string;
}

/** A request as the trace of one process has it: what comes next of it stands in the other events. */
export type RequestEvent =
  | Asked
  | Granted
  | Refused
  | Checked
  | Lost
  | Releasing
  | Released
  | Written
  | BodyOver
  | Outcome;

/** `forceRelease` was called: from here on until `forced` the name may be freed. */
export interface Forcing {
  readonly at: Moment;
  readonly kind: 'forcing' | 'forced';
  readonly worker: string;
  readonly name: string;
}

export interface FaultStarted {
  readonly at: Moment;
  readonly kind: 'fault';
  readonly fault: string;
  readonly nemesis: string;
  readonly excuse?: Excuse | undefined;
  /** The workers that it touches; none for a fault of the store, which touches all. */
  readonly workers?: readonly string[] | undefined;
  /** The lock that it touches; none: all. */
  readonly name?: string | undefined;
  /** The port of the one server that it touches. */
  readonly server?: number | undefined;
  /** Default: nothing. */
  readonly spares?: readonly Spared[] | undefined;
  readonly note?: string | undefined;
}

export interface FaultEnded {
  readonly at: Moment;
  readonly kind: 'healed';
  readonly fault: string;
}

/** A process did not come to its turn between these moments; without `worker` it was the harness, whose proxies all use. */
export interface Delayed {
  readonly at: Moment;
  readonly kind: 'delayed';
  readonly until: Moment;
  readonly worker?: string;
}

export interface WorkerEvent {
  readonly at: Moment;
  readonly kind: 'started' | 'killed' | 'closed' | 'hung' | 'crashed';
  readonly worker: string;
  /** What keeps the process alive after `close()`. */
  readonly resources?: readonly string[];
  readonly note?: string;
}

/** `ttl` in ms, as PTTL says it: -1 for ever. `phase`: seen while in use, or left over at the end. */
export interface KeySeen {
  readonly at: Moment;
  readonly kind: 'key';
  readonly key: string;
  readonly ttl: number;
  readonly phase: 'use' | 'end';
}

/** Some time after the healing a process is not connected for messages, although nothing keeps it from that. */
export interface Deaf {
  readonly at: Moment;
  readonly kind: 'deaf';
  readonly worker: string;
}

export interface Phase {
  readonly at: Moment;
  readonly kind: 'healing' | 'over';
}

export type HistoryEvent =
  | RequestEvent
  | Forcing
  | FaultStarted
  | FaultEnded
  | Delayed
  | WorkerEvent
  | KeySeen
  | Deaf
  | Phase;
