import type { Result } from './claims.js';
import type { Stage } from './stage.js';

export interface Scene {
  readonly title: string;
  play(stage: Stage): Promise<Result>;
}

/** A scene that breaks off is a broken claim like any other. */
export async function perform(scene: Scene, stage: Stage): Promise<Result & { title: string }> {
  const result = await scene.play(stage).catch((error: unknown) => ({
    tables: [],
    verdicts: [{ claim: 'the scene comes to its end', against: [String(error)] }],
  }));
  return { title: scene.title, ...result };
}
