import { EventEmitter, once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open, opendir } from 'node:fs/promises';
import { PassThrough, Readable, Writable } from 'node:stream';
import { Controller, Get, Injectable, Sse, StreamableFile } from '@nestjs/common';
import { BehaviorSubject, Observable } from 'rxjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Locked, LockModule, LockOptionsError, LockService, Once } from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

const subscribed = vi.fn();
const iterated = vi.fn();

// biome-ignore lint/suspicious/noExplicitAny: the types are not to show what is returned.
type Anything = any;

function raise(problem: string): never {
  throw new Error(problem);
}

@Injectable()
class Reports {
  result: unknown;

  @Locked('report')
  async locked(): Promise<Anything> {
    return this.result;
  }

  @Locked('report')
  atOnce(): Promise<Anything> {
    return this.result as Promise<Anything>;
  }

  @Locked('report', { onBusy: 'skip' })
  async skipping(): Promise<Anything> {
    return this.result;
  }

  @Locked('outer')
  @Locked('report')
  async twice(): Promise<Anything> {
    return this.result;
  }

  @Once('report:once', { remember: '1d' })
  async marked(): Promise<Anything> {
    return this.result;
  }
}

@Controller()
class FeedController {
  @Sse('feed')
  @Locked('feed')
  async feed(): Promise<Anything> {
    return new Observable(subscribed);
  }

  @Get('file')
  @Locked('file')
  async file(): Promise<Anything> {
    return new StreamableFile(Buffer.from('rows'));
  }
}

/** Each with what says that it is left open. */
const STREAMS: [string, () => unknown, ((stream: Anything) => unknown)?][] = [
  ['a StreamableFile', () => new StreamableFile(Readable.from(['row'])), (file) => !file.getStream().destroyed],
  ['a StreamableFile of a buffer', () => new StreamableFile(Buffer.from('row')), (file) => !file.getStream().destroyed],
  ['a Readable', () => Readable.from(['row']), (stream) => !stream.destroyed],
  ['a file', () => createReadStream(import.meta.filename), (stream) => !stream.destroyed],
  ['a Duplex', () => new PassThrough(), (stream) => !stream.destroyed],
  ['a web stream', () => new Blob(['row']).stream(), async (stream) => !(await stream.getReader().read()).done],
  ['an Observable', () => new Observable(subscribed)],
  ['a Subject', () => new BehaviorSubject(1), (subject) => subject.closed],
  [
    'a running generator',
    () =>
      (async function* () {
        iterated();
        yield 1;
      })(),
    async (rows) => !(await rows.next()).done,
  ],
  [
    'a generator',
    () =>
      (function* () {
        iterated();
        yield 1;
      })(),
    (rows) => !rows.next().done,
  ],
  ['an async iterable', () => ({ [Symbol.asyncIterator]: iterated })],
  [
    'a cursor',
    () => ({
      [Symbol.asyncIterator]: iterated,
      open: true,
      async close(this: Anything) {
        this.open = false;
      },
    }),
    (cursor) => cursor.open,
  ],
  [
    'a stream of the old kind',
    () =>
      Object.assign(new EventEmitter(), {
        readable: true,
        pipe: () => {},
        open: true,
        destroy(this: Anything) {
          this.open = false;
        },
      }),
    (stream) => stream.open,
  ],
];

let app: TestApp;
let reports: Reports;
beforeAll(async () => {
  app = await TestApp.start({
    imports: [LockModule.forRoot({ store: 'memory', defaults: { wait: 0 } })],
    providers: [Reports],
    controllers: [FeedController],
  });
  reports = app.get(Reports);
  return () => app.close();
});

const isFree = async (name: string) => (await app.get(LockService).tryRun(name, () => true)).acquired;

describe('A method that returns a stream', () => {
  describe.each(STREAMS)('%s', (_what, make, isOpen) => {
    it.each(['locked', 'atOnce', 'skipping', 'twice'] as const)(
      'is refused, and the stream destroyed: %s',
      async (method) => {
        reports.result = make();
        const call = reports[method]();
        await expect(call).rejects.toThrow(LockOptionsError);
        await expect(call).rejects.toThrow(`Reports.${method} returned a`);
        expect(await isOpen?.(reports.result)).toBeFalsy();
        expect(await isFree('report')).toBe(true);
      },
    );

    it('is not marked as done by @Once', async () => {
      reports.result = make();
      await expect(reports.marked()).rejects.toThrow(LockOptionsError);
      expect(await app.get(LockService).forget('report:once')).toBe(false);
    });
  });

  it('is refused whether the promise or the method itself brings it', async () => {
    reports.result = Promise.resolve(Readable.from(['row']));
    await expect(reports.atOnce()).rejects.toThrow(LockOptionsError);
  });

  it('is neither subscribed to nor iterated', () => {
    expect(subscribed).not.toHaveBeenCalled();
    expect(iterated).not.toHaveBeenCalled();
  });

  it('leaves no error unheard', async () => {
    const stream = new Readable({
      read() {},
      destroy: (_error, done) => done(new Error('the connection is gone')),
    });
    reports.result = stream;
    const closed = once(stream, 'close').catch(() => {});
    await expect(reports.locked()).rejects.toThrow(LockOptionsError);
    await closed;
    reports.result = createReadStream('/no/such/file');
    await expect(reports.locked()).rejects.toThrow(LockOptionsError);
    const source = { cancel: () => Promise.reject(new Error('cannot')) };
    reports.result = new ReadableStream(source);
    await expect(reports.locked()).rejects.toThrow(LockOptionsError);
    const taken = new ReadableStream(source);
    taken.getReader();
    reports.result = taken;
    await expect(reports.locked()).rejects.toThrow(LockOptionsError);
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('closes what stands behind it', async () => {
    reports.result = await opendir('.');
    await expect(reports.locked()).rejects.toThrow(LockOptionsError);
    await vi.waitFor(() => expect(() => (reports.result as { closeSync(): void }).closeSync()).toThrow(/closed/));
    const file = await open(import.meta.filename);
    reports.result = file.createReadStream();
    await expect(reports.locked()).rejects.toThrow(LockOptionsError);
    await vi.waitFor(() => expect(file.fd).toBe(-1));
  });

  it('answers an error over HTTP, also as server-sent events', async () => {
    expect((await app.fetch('/feed')).status).toBe(500);
    expect((await app.fetch('/file')).status).toBe(500);
    expect(await isFree('feed')).toBe(true);
    expect(subscribed).not.toHaveBeenCalled();
  });

  it('is refused when the class is defined where the method is a generator', () => {
    const async = { value: async function* () {} as unknown as () => Promise<void> };
    const plain = { value: function* () {} as unknown as () => Promise<void> };
    for (const descriptor of [async, plain]) {
      const define = () => Locked('rows')(class Reports {}.prototype, 'rows', descriptor);
      expect(define).toThrow(LockOptionsError);
      expect(define).toThrow(/generator Reports\.rows/);
    }
  });
});

describe('What is no stream', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'rows'],
    ['a buffer', Buffer.from('rows')],
    ['an array', [1, 2]],
    ['a map', new Map([[1, 2]])],
    ['an iterator of a map', new Map([[1, 2]]).values()],
    ['an emitter', new EventEmitter()],
    ['a stream that is written to, such as a response', new Writable({ write() {} })],
    ['an object with a method `pipe`', { pipe: () => {} }],
    ['an object with a method `subscribe`', { subscribe: () => {} }],
    ['a file with a name', new Blob(['rows'])],
    ['an object that holds a stream', { rows: Readable.from(['row']) }],
  ])('is returned as it is: %s', async (_what, value) => {
    reports.result = value;
    expect(await reports.locked()).toBe(value);
    if (value instanceof Writable) expect(value.destroyed).toBe(false);
  });

  it('is an object that throws for what it does not know', async () => {
    const strict = new Proxy({}, { get: (_, key) => (key === 'then' ? undefined : raise(`no ${String(key)}`)) });
    reports.result = strict;
    const returned = await reports.locked();
    expect(Object.is(returned, strict)).toBe(true);
  });

  it('is what a thenable resolves to, whatever else it can do, as query builders are', async () => {
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about.
      then: (resolve: (rows: string[]) => void) => resolve(['row']),
      pipe: () => {},
      on: () => {},
      read: () => {},
    };
    reports.result = query;
    expect(await reports.locked()).toEqual(['row']);
    expect(await reports.atOnce()).toEqual(['row']);
  });
});
