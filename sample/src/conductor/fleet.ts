import type { ServiceName } from '../settings.js';

/** A replica that is built and does nothing yet: no migration, no request, no tick. */
export interface Replica {
  /** Lets it run, and resolves to its address. */
  open(): Promise<string>;
  close(): Promise<void>;
}

export type Launch = (service: ServiceName, replica: number) => Promise<Replica>;
type Member = Parameters<Launch>;

/** A migration can trip a replica once: the table that it wanted to create is there the next time. */
const MAX_BOOTS = 6;

/** The replicas that run, wherever they run. */
export class Fleet {
  /** Why replicas fell over while they started. */
  readonly failedBoots: string[] = [];
  private readonly replicas = new Map<string, Promise<Replica>>();
  private readonly urls = new Map<string, string>();
  private closed = false;

  constructor(private readonly launch: Launch) {}

  /** All are built first and let go at the same moment, as a deployment would. */
  async start(members: Member[]): Promise<void> {
    await Promise.all(members.map((member) => this.build(member)));
    await Promise.all(members.map((member) => this.open(member)));
  }

  /** The addresses of a service's replicas. */
  urlsOf(service: ServiceName): string[] {
    return [...this.urls].filter(([name]) => name.startsWith(`${service}/`)).map(([, url]) => url);
  }

  /** What each replica answers, by its name; those that have no such path are left out. */
  async ask<Answer>(path: string): Promise<Map<string, Answer>> {
    const answers = new Map<string, Answer>();
    for (const [name, url] of this.urls) {
      const response = await fetch(url + path);
      if (response.ok) answers.set(name, (await response.json()) as Answer);
    }
    return answers;
  }

  async stop(name: string): Promise<void> {
    const replica = await this.replicas.get(name);
    this.replicas.delete(name);
    this.urls.delete(name);
    await replica?.close();
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled([...this.replicas.keys()].map((name) => this.stop(name)));
  }

  private build(member: Member): Promise<Replica> {
    const replica = this.launch(...member);
    this.replicas.set(member.join('/'), replica);
    return replica;
  }

  /** Like any orchestrator, it starts a replica anew that fell over. */
  private async open(member: Member, boot = 1): Promise<void> {
    const name = member.join('/');
    try {
      const replica = await this.replicas.get(name)!;
      this.urls.set(name, await replica.open());
    } catch (error) {
      this.failedBoots.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      await this.stop(name);
      if (this.closed || boot === MAX_BOOTS) throw error;
      await this.build(member);
      await this.open(member, boot + 1);
    }
  }
}
