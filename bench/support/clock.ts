/** Milliseconds of the system's monotonic clock, the same in all processes of the machine. */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
