import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { TOPOLOGIES } from './topologies.js';

export interface Options {
  readonly runs: number;
  readonly seed: string;
  readonly topologies: readonly string[];
  /** Of each run, how many operations and faults may begin. */
  readonly steps: number;
  readonly threads: number;
  /** Prints all events, and all that the servers are asked. */
  readonly trace: boolean;
  /** Prints a digest of the events of each run, and nothing else of them. */
  readonly digests: boolean;
  /** Breaks the library on purpose: the names of the patches; undefined: does not. */
  readonly mutants: readonly string[] | undefined;
  /** Where the compiled package is. */
  readonly library: string;
}

export const USAGE = `npm run simulate -- [--runs 2000] [--seed N] [--topology ${TOPOLOGIES.map(({ name }) => name).join(',')}]
                        [--threads N] [--mutants [name,...]]
npm run simulate -- --seed N.I [--steps K] [--trace]     one run, as it was printed`;

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: args.map((arg, i) => (arg === '--mutants' && (args[i + 1] ?? '--').startsWith('--') ? '--mutants=' : arg)),
    options: {
      runs: { type: 'string', default: '2000' },
      seed: { type: 'string', default: String(Date.now()) },
      topology: { type: 'string', default: '' },
      steps: { type: 'string', default: '1000000' },
      threads: { type: 'string', default: String(availableParallelism()) },
      trace: { type: 'boolean', default: false },
      digests: { type: 'boolean', default: false },
      mutants: { type: 'string' },
      library: { type: 'string', default: '' },
    },
  });
  const { runs, seed, topology, steps, threads, trace, digests, mutants, library } = values;
  return {
    runs: wholeNumber('runs', runs),
    seed,
    topologies: namesIn(topology),
    steps: wholeNumber('steps', steps),
    threads: wholeNumber('threads', threads),
    trace,
    digests,
    mutants: mutants === undefined ? undefined : namesIn(mutants),
    library,
  };
}

function namesIn(list: string): string[] {
  return list.split(',').filter((name) => name !== '');
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} is "${text}": give a whole number.\n${USAGE}`);
}
