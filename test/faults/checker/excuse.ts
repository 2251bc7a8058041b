import type { Fault, History, Hold } from './model.js';

/** How long before it is known the store may have granted a lock, at the most: half a lease. */
const GRANT_TRAVELS_MS = 1_500;

/** What can have made the store grant a lock although `earlier` holds it; `later` was granted after it. */
export function excuseFor(earlier: Hold, later: Hold, { faults, byRequest }: History): Fault | undefined {
  // A frame has what the one has that got the lock from the store.
  const { askedAt, granted = earlier.granted } = byRequest.get(earlier.root) ?? earlier;
  const from = Math.max(askedAt, granted.at - GRANT_TRAVELS_MS);
  return faults.find(
    (fault) =>
      fault.excuse !== undefined &&
      (fault.name === undefined || fault.name === later.name) &&
      fault.from <= later.granted.at &&
      fault.until >= from,
  );
}
