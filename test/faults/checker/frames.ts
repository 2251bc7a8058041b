// Rule 10: nested calls share a hold only if they ask for it, only while it lasts, and one at a time.
import { framesAround, type History, type Hold, isExclusive, overlap, type Span, type Violation } from './model.js';

const RULE = '10 one chain, one at a time';

export function checkFrames(history: History): Violation[] {
  // The token of a shared hold is that of others too, and says nothing of who shares it.
  const nested = history.holds.filter((hold) => hold.root !== hold.request && isExclusive(hold));
  const groups = new Map<string, Hold[]>();
  for (const frame of nested) groups.set(frame.root, [...(groups.get(frame.root) ?? []), frame]);
  return [
    ...nested.flatMap((frame) => takenInLate(frame, history)),
    ...[...groups.values()].flatMap((frames) => besideEachOther(frames, history)),
    ...history.requests.flatMap((request) => wrongChain(request, history)),
  ];
}

/** A frame is taken in by one around it whose body runs. */
function takenInLate(frame: Hold, { byRequest }: History): Violation[] {
  const around = framesAround(frame, byRequest).filter((each) => (each as Partial<Hold>).root === frame.root);
  if (around.some(({ releasing }) => (releasing[0] ?? Number.POSITIVE_INFINITY) > frame.granted.at)) return [];
  const text = `the body of ${frame.request} began in a hold of ${frame.name} that was being given back`;
  return [{ rule: RULE, text, about: [...around.map(({ request }) => request), frame.request] }];
}

/** Of two frames that run at the same time, one has called the other. */
function besideEachOther(frames: readonly Hold[], history: History): Violation[] {
  const sorted = [...frames].sort((a, b) => a.granted.at - b.granted.at);
  return sorted.flatMap((later, index) =>
    sorted.slice(0, index).flatMap((earlier) => {
      if (!overlap(bodyOf(earlier, history), bodyOf(later, history))) return [];
      if (hasCalled(earlier, later, history) || hasCalled(later, earlier, history)) return [];
      const text = `the bodies of ${earlier.request} and ${later.request} shared one hold of ${later.name} at the same time`;
      return [{ rule: RULE, text, about: [earlier.request, later.request] }];
    }),
  );
}

function hasCalled(outer: Hold, inner: Hold, { byRequest }: History): boolean {
  return framesAround(inner, byRequest).some(({ request }) => request === outer.request);
}

function bodyOf({ granted, releasing, worker }: Hold, { deaths, end }: History): Span {
  return { from: granted.at, until: releasing[0] ?? deaths.get(worker) ?? end };
}

/** Who is told that it waited for its own chain has a frame around it that held the lock. */
function wrongChain(request: History['requests'][number], { byRequest }: History): Violation[] {
  if (!request.refused?.ownChain) return [];
  const { askedAt, name } = request;
  const held = framesAround(request, byRequest).some(
    (frame) => frame.name === name && frame.granted && (frame.releasing[0] ?? Number.POSITIVE_INFINITY) > askedAt,
  );
  if (held) return [];
  return [{ rule: RULE, text: `${request.request} waited for its own chain, it was told`, about: [request.request] }];
}
