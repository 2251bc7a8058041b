/** The place of a worker, which its successor takes after a kill: `w2` of `w2.1`. */
export function slotOf(worker: string): string {
  return worker.slice(0, worker.indexOf('.'));
}
