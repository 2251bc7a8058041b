// Loads the package once for each process of the simulated world, with that process's clocks, timers and chance in the
// place of Node's. What it requires of Node beside these is Node's own.
import * as asyncHooks from 'node:async_hooks';
import { AsyncLocalStorage } from 'node:async_hooks';
import * as crypto from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import { type SimProcess, Timer } from './process.js';
import { PHASE } from './scheduler.js';

const GLOBALS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'queueMicrotask',
  'performance',
  'Date',
  'Math',
  'process',
  'console',
  'crypto',
] as const;
const PARAMETERS = ['exports', 'require', 'module', ...GLOBALS, 'globalThis', 'global'];

type Exports = Record<string, unknown>;
type ModuleBody = (...parameters: unknown[]) => void;

const nodeRequire = createRequire(import.meta.url);
const bodies = new Map<string, ModuleBody>();

const texts = new Map<string, string>();

function textOf(path: string): string {
  const text = texts.get(path) ?? readFileSync(path, 'utf8');
  texts.set(path, text);
  return text;
}

/** The compiled file, which is the same for all processes. */
function bodyOf(path: string): ModuleBody {
  const known = bodies.get(path);
  if (known) return known;
  const body = compileFunction(textOf(path), PARAMETERS, { filename: path }) as ModuleBody;
  bodies.set(path, body);
  return body;
}

/** A module that keeps something for as long as its process lives is begun anew with each process. */
const KEEPS_STATE = /^(let|exports\.\w+ = new|const \w+ = new|exports\.runtime)\b/m;

/** The package as one place in the simulated world has it loaded, for one process after the other. */
export class Sandbox {
  static readonly #all = new Map<string, Sandbox>();
  readonly #modules = new Map<string, { exports: Exports; keepsState: boolean }>();
  readonly #globals: Exports;
  readonly #replaced: Record<string, Exports>;
  #process!: SimProcess;

  private constructor() {
    this.#globals = globalsFor(() => this.#process);
    this.#replaced = nodeModulesFor(() => this.#process, this.#globals);
  }

  /**
   * The package in `library` for this process, with `client` in the place of `ioredis`. It is loaded once for each place,
   * and not for each process: V8 would begin anew to learn it.
   */
  static for(process: SimProcess, library: string, client: Exports): Sandbox {
    const place = `${library} ${process.slot}`;
    const sandbox = Sandbox.#all.get(place) ?? new Sandbox();
    Sandbox.#all.set(place, sandbox);
    sandbox.#begin(process, client);
    return sandbox;
  }

  /** `path`: a compiled file of the package. */
  load<T>(path: string): T {
    return this.#load(resolve(path)) as T;
  }

  #begin(process: SimProcess, client: Exports): void {
    this.#process = process;
    this.#replaced.ioredis = client;
    for (const [path, module] of this.#modules) if (module.keepsState) this.#run(path, module.exports);
  }

  #load(path: string): Exports {
    const loaded = this.#modules.get(path);
    if (loaded) return loaded.exports;
    const exports = {};
    this.#modules.set(path, { exports, keepsState: KEEPS_STATE.test(textOf(path)) });
    this.#run(path, exports);
    return exports;
  }

  #run(path: string, exports: Exports): void {
    const require = (wanted: string): unknown => this.#require(path, wanted);
    const globals = this.#globals;
    const given = GLOBALS.map((name) => globals[name]);
    bodyOf(path)(exports, require, { exports }, ...given, globals.globalThis, globals.globalThis);
  }

  #require(from: string, wanted: string): unknown {
    if (wanted.startsWith('.')) return this.#load(fileAt(join(dirname(from), wanted)));
    const name = wanted.replace(/^node:/, '');
    if (name === 'async_hooks') return { ...asyncHooks, AsyncLocalStorage: storageOf(from) };
    return this.#replaced[name] ?? nodeRequire(wanted);
  }
}

function fileAt(path: string): string {
  return path.endsWith('.js') || !existsSync(`${path}.js`) ? path : `${path}.js`;
}

/** The process that the package runs in at the moment. */
type Current = () => SimProcess;

function globalsFor(current: Current): Exports {
  const timers = timersFor(current);
  const globals: Exports = {
    ...timers,
    queueMicrotask: (run: () => void) =>
      queueMicrotask(() => {
        try {
          run();
        } catch (error) {
          current().crashed(error);
        }
      }),
    performance: new SimPerformance(current),
    Date: dateFor(current),
    Math: Object.create(Math, { random: { value: () => current().random.next() } }),
    process: processFor(current),
    console: { log: () => {}, warn: () => {}, error: () => {}, info: () => {}, debug: () => {} },
    crypto: { getRandomValues: (array: Uint8Array) => array.set(randomBytes(current, array.length)) },
  };
  globals.globalThis = new Proxy(globalThis, {
    get: (target, key) => (key in globals ? globals[key as string] : Reflect.get(target, key)),
  });
  return globals;
}

class SimPerformance {
  readonly #current: Current;

  constructor(current: Current) {
    this.#current = current;
  }

  get timeOrigin(): number {
    return this.#current().wall - this.#current().monotonic;
  }

  now(): number {
    return this.#current().monotonic;
  }
}

function timersFor(current: Current): Exports {
  const cancel = (timer: unknown): void => {
    if (timer instanceof Timer) timer.cancel();
  };
  const setTimer = (run: (...args: unknown[]) => void, ms: number, args: unknown[], repeats: boolean): Timer =>
    current().setTimer(() => run(...args), ms, { repeats, keeps: true });
  return {
    setTimeout: (run: () => void, ms = 1, ...args: unknown[]) => setTimer(run, ms, args, false),
    setInterval: (run: () => void, ms = 1, ...args: unknown[]) => setTimer(run, ms, args, true),
    clearTimeout: cancel,
    clearInterval: cancel,
    setImmediate: (run: (...args: unknown[]) => void, ...args: unknown[]) =>
      current().post(() => run(...args), PHASE.check),
    clearImmediate: (task: { cancelled: boolean } | undefined) => {
      if (task) task.cancelled = true;
    },
  };
}

function dateFor(current: Current): unknown {
  return class extends Date {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(current().wall);
      else super(...(args as [number]));
    }

    static override now(): number {
      return Math.floor(current().wall);
    }
  };
}

function processFor(current: Current): unknown {
  const hrtime = Object.assign(
    () => {
      const ns = BigInt(Math.round(current().monotonic * 1e6));
      return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
    },
    { bigint: () => BigInt(Math.round(current().monotonic * 1e6)) },
  );
  const own: Exports = {
    nextTick: (run: (...args: unknown[]) => void, ...args: unknown[]) => current().tick(() => run(...args)),
    hrtime,
    uptime: () => current().monotonic / 1_000,
    // A warning of Node's that the package has caused.
    emitWarning: (warning: unknown) => current().crashed(warning),
    pid: 1,
  };
  // What the package sets there is set for itself.
  return new Proxy(process, {
    get: (target, key) => (Object.hasOwn(own, key) ? own[key as string] : Reflect.get(target, key)),
    set: (_, key, value) => Reflect.set(own, key, value),
  });
}

function randomBytes(current: Current, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => current().random.integer(0, 255)));
}

function nodeModulesFor(current: Current, globals: Exports): Record<string, Exports> {
  const { setTimeout, setImmediate } = globals as Record<string, (run: (value: unknown) => void, ms?: number) => void>;
  const perfHooks = nodeRequire('node:perf_hooks') as Exports;
  return {
    crypto: {
      ...crypto,
      randomBytes: (size: number) => randomBytes(current, size),
      randomUUID: () => randomBytes(current, 16).toString('hex'),
      randomInt: (a: number, b?: number) =>
        b === undefined ? current().random.integer(0, a - 1) : current().random.integer(a, b - 1),
    },
    os: { ...(nodeRequire('node:os') as Exports), uptime: () => current().uptime, hostname: () => current().name },
    perf_hooks: { ...perfHooks, performance: globals.performance },
    process: globals.process as Exports,
    timers: globals,
    'timers/promises': {
      setTimeout: (ms: number, value?: unknown) => new Promise((resolve) => setTimeout?.(() => resolve(value), ms)),
      setImmediate: (value?: unknown) => new Promise((resolve) => setImmediate?.(() => resolve(value))),
    },
  };
}

const storages = new Map<string, AsyncLocalStorage<unknown>>();

/** One for all: what runs in one process never goes on in another, and Node asks each storage at each promise. */
function storageOf(path: string): unknown {
  return function AsyncLocalStorageOfModule() {
    const storage = storages.get(path) ?? new AsyncLocalStorage();
    storages.set(path, storage);
    return storage;
  };
}
