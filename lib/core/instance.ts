import { randomBytes } from 'node:crypto';
import type { Owner } from './lock-store.js';

/**
 * The identity of one lock service in one running process: 128 random bits, which nobody guesses and no copy of a
 * process image repeats, and a label for operators.
 */
export class Instance {
  readonly id: string;

  constructor(label: string) {
    this.id = `${randomBytes(16).toString('hex')}.${encodeURIComponent(label)}`;
  }

  /** The owner with this number. */
  owner(seq: number): Owner {
    return `${this.id}#${seq}`;
  }

  owns(owner: Owner): boolean {
    return instanceOf(owner) === this.id;
  }
}

/** The instance that an owner belongs to; empty for what another program wrote. */
export function instanceOf(owner: Owner): string {
  return owner.slice(0, Math.max(0, owner.lastIndexOf('#')));
}

/** The number of an owner within its instance. */
export function seqOf(owner: Owner): number {
  let seq = 0;
  let scale = 1;
  for (let i = owner.length - 1; i >= 0 && owner[i] !== '#'; i -= 1) {
    seq += (owner.charCodeAt(i) - 48) * scale;
    scale *= 10;
  }
  return seq;
}

const OWNER = /^[0-9a-f]{32}\.(.*)#\d+$/s;
const LONGEST_LABEL = 64;

/** The label of an owner's instance; of a holder that another program wrote, its own text. */
export function labelOf(owner: Owner): string {
  const [, label] = OWNER.exec(owner) ?? [];
  return firstOf(label === undefined ? owner : decoded(label));
}

function decoded(label: string): string {
  try {
    return decodeURIComponent(label);
  } catch {
    return label;
  }
}

/** No label is longer, and no character is cut in half. */
function firstOf(text: string): string {
  return Array.from(text.slice(0, 2 * LONGEST_LABEL))
    .slice(0, LONGEST_LABEL)
    .join('');
}
