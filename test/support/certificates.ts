import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ownDirectory, removeDirectory } from './processes.js';

const openssl = (args: string[]) => promisify(execFile)('openssl', args);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** A certificate authority of our own, with a certificate for `localhost`; made by `openssl`. */
export class Certificates implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    /** What a client trusts, in PEM. */
    readonly ca: string,
  ) {}

  static async make(): Promise<Certificates> {
    const directory = await ownDirectory();
    const file = (name: string): string => join(directory, name);
    const authority = ['-x509', '-subj', '/CN=Test CA', '-keyout', file('ca.key'), '-out', file('ca.pem')];
    await openssl(['req', ...KEY, ...authority]);
    const server = ['-x509', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const signed = ['-addext', 'basicConstraints=critical,CA:FALSE', '-CA', file('ca.pem'), '-CAkey', file('ca.key')];
    await openssl(['req', ...KEY, ...server, ...signed, '-keyout', file('server.key'), '-out', file('server.pem')]);
    return new Certificates(directory, await readFile(file('ca.pem'), 'utf8'));
  }

  /** The file of what a client trusts. */
  get caFile(): string {
    return join(this.directory, 'ca.pem');
  }

  /** What a Redis server needs to speak TLS on this port. */
  serverArgs(port: number): string[] {
    const files = { cert: 'server.pem', key: 'server.key', 'ca-cert': 'ca.pem' };
    const named = Object.entries(files).flatMap(([name, file]) => [`--tls-${name}-file`, join(this.directory, file)]);
    return ['--tls-port', String(port), '--tls-auth-clients', 'no', ...named];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeDirectory(this.directory);
  }
}
