// Outlives the test process by a moment, and takes with it what that process left behind, however it ended.
// Standard input: `+<thing>` to own, `-<thing>` to forget; a thing is a process id or an absolute path.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const owned = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('+')) owned.add(line.slice(1));
  else owned.delete(line.slice(1));
}

const [paths, pids] = [[], []];
for (const thing of owned) (thing.startsWith('/') ? paths : pids).push(thing);
for (const pid of pids) {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It had ended.
  }
}
for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
