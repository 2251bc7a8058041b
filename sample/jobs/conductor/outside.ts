import type { Invoice, Recorded, Way, World } from '../protocol.js';
import type { Life } from './fleet.js';

/** An invoice that was issued: by the government's service, or with a record in the database. */
export interface Issue {
  readonly invoice: Invoice;
  /** Whose request it was. */
  readonly by: string;
}

/** Something that befalls the request of a server: it may kill the server, and hold the request back. */
export type Mishap = (invoice: Invoice, by: Life, carryOut: () => void) => void;

/** What is outside of the job servers and outlives them: the service, the database, and who is in the printer's room. */
export class Outside {
  readonly issues: Issue[] = [];
  /** `<invoice> <life>`: that life has said that it issued and marked it. */
  readonly processed = new Set<string>();
  /** The most servers that were rendering at once. */
  mostRendering = 0;
  /** The outcomes of all transactions. */
  readonly recorded: { invoice: Invoice; outcome: Recorded }[] = [];
  private readonly rendering = new Set<string>();
  private readonly waiting: (() => void)[] = [];
  private readonly receipts = new Map<string, number>();
  private readonly rows = new Map<number, { fence: number; issued: boolean }>();

  constructor(
    private readonly servers: number,
    private readonly invoices: readonly Invoice[],
    private readonly isDead: (life: string) => boolean,
    private readonly befall: Mishap,
  ) {}

  /** What one life of a server can ask. */
  for(life: Life): World {
    return {
      list: () => this.handOut(),
      enter: () => this.enter(life.name),
      leave: () => this.gone(life.name),
      issue: (invoice, key) => this.request(invoice, life, () => this.issue(invoice, life.name, key)),
      record: (invoice, token) => this.request(invoice, life, () => this.record(invoice, life.name, token)),
      processed: (invoice) => void this.processed.add(`${invoice.id} ${life.name}`),
      finished: () => undefined,
    };
  }

  /** It renders no more, since it has left or is gone. */
  gone(life: string): void {
    this.rendering.delete(life);
  }

  /** Those of a way, by the number of the invoice. */
  issuesOf(way: Way): Map<number, Issue[]> {
    const own = this.invoices.filter((invoice) => invoice.way === way);
    return new Map(own.map(({ id }) => [id, this.issues.filter(({ invoice }) => invoice.id === id)]));
  }

  /** To all servers at the same moment, so that they compete from the first invoice on. */
  private async handOut(): Promise<readonly Invoice[]> {
    const all = new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.waiting.length >= this.servers) for (const resolve of this.waiting) resolve();
    await all;
    return this.invoices;
  }

  private enter(life: string): void {
    if (this.isDead(life)) return;
    this.rendering.add(life);
    this.mostRendering = Math.max(this.mostRendering, this.rendering.size);
  }

  private request<T>(invoice: Invoice, by: Life, carryOut: () => T): Promise<T> {
    return new Promise((resolve) => this.befall(invoice, by, () => resolve(carryOut())));
  }

  /** Whoever sends the same key again gets the same receipt. */
  private issue(invoice: Invoice, by: string, key: string | undefined): number {
    const earlier = key === undefined ? undefined : this.receipts.get(key);
    if (earlier !== undefined) return earlier;
    this.issues.push({ invoice, by });
    if (key !== undefined) this.receipts.set(key, this.issues.length);
    return this.issues.length;
  }

  /** One transaction: nothing comes between its reads and its writes, and all of it lasts or nothing. */
  private record(invoice: Invoice, by: string, fencingToken: number): Recorded {
    const row = this.rows.get(invoice.id) ?? { fence: 0, issued: false };
    const outcome = outcomeOf(row, fencingToken);
    if (outcome === 'recorded') this.issues.push({ invoice, by });
    this.rows.set(invoice.id, { fence: Math.max(row.fence, fencingToken), issued: true });
    this.recorded.push({ invoice, outcome });
    return outcome;
  }
}

function outcomeOf(row: { fence: number; issued: boolean }, fencingToken: number): Recorded {
  if (fencingToken < row.fence) return 'refused: an older fencing token';
  return row.issued ? 'was recorded before' : 'recorded';
}
