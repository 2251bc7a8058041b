import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisServer } from '../../support/redis-server.js';
import { ask } from './ask.js';

/** Servers started meanwhile have clocks that can be set, by libfaketime. */
export class ServerClocks {
  readonly #directory = mkdtempSync(join(tmpdir(), 'nestjs-lock-clocks-'));
  readonly #binary = process.env.REDIS_SERVER_BIN;

  private constructor(library: string) {
    const start = join(this.#directory, 'redis-server');
    writeFileSync(start, startScript(library, this.#directory, this.#binary), { mode: 0o755 });
    process.env.REDIS_SERVER_BIN = start;
  }

  /** Undefined where libfaketime is not installed. */
  static install(): ServerClocks | undefined {
    const library = findLibrary();
    return library === undefined ? undefined : new ServerClocks(library);
  }

  /** Sets the clock so many seconds off the right time, and makes sure that the server sees it. */
  async set(server: RedisServer, offset: number): Promise<void> {
    const file = join(this.#directory, String(server.port));
    writeFileSync(`${file}.new`, `${offset < 0 ? '' : '+'}${offset}s\n`);
    renameSync(`${file}.new`, file);
    const [seconds] = (await ask(server, 'TIME')) as [string];
    const seen = Number(seconds) - Date.now() / 1000;
    if (Math.abs(seen - offset) > 60) throw new Error(`The clock of the server is ${seen} s off, not ${offset} s`);
  }

  uninstall(): void {
    if (this.#binary === undefined) delete process.env.REDIS_SERVER_BIN;
    else process.env.REDIS_SERVER_BIN = this.#binary;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function findLibrary(): string | undefined {
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].filter(existsSync);
  const nested = folders.flatMap((folder) => [folder, ...readdirSync(folder).map((entry) => join(folder, entry))]);
  return nested.map((folder) => join(folder, 'faketime', 'libfaketime.so.1')).find(existsSync);
}

/** libc stands before jemalloc, which asks for the time while libfaketime itself is starting, and hangs. */
function startScript(library: string, directory: string, binary: string | undefined): string {
  return `#!/bin/sh
for word in "$@"; do
  [ "$before" = --port ] && clock="${directory}/$word"
  before=$word
done
[ -f "$clock" ] || echo +0s > "$clock"
export FAKETIME_TIMESTAMP_FILE="$clock" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
server=$(command -v ${binary ?? 'redis-server || command -v valkey-server'})
export LD_PRELOAD="${library} libc.so.6"
exec "$server" "$@"
`;
}
