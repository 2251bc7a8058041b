/** What one server tells of itself. */
export interface Introduction {
  /** Of the process, which has another one after each start; undefined where the server tells none. */
  readonly runId: string | undefined;
  /** It has been up for longer than this, in ms, when it answered. */
  readonly up: number;
}

/** A server counts from the start of the second in which it started, by a clock that may be a step behind. */
const RESOLUTION_MS = 1_000 + 10;

/** What `INFO` says; undefined where it does not say for how long the server has been up. */
export function readIntroduction(info: unknown): Introduction | undefined {
  const [, seconds] = /^uptime_in_seconds:(-?\d+)/m.exec(String(info)) ?? [];
  if (seconds === undefined) return undefined;
  const [, runId] = /^run_id:(\S+)/m.exec(String(info)) ?? [];
  const [, micros = '0'] = /^server_time_usec:\d*?(\d{1,6})\r?$/m.exec(String(info)) ?? [];
  // The seconds are the difference of two moments without their fractions. That of the present one is known.
  const most = Number(seconds) * 1_000 + Number(micros) / 1_000;
  return { runId, up: Math.max(0, most - RESOLUTION_MS) };
}
