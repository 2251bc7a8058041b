/* Starts the services, plays the scenes, checks the claims: `npm run sample` (README.md has the variations). */
import 'reflect-metadata';
import { constants } from 'node:os';
import { Logger } from '@nestjs/common';
import { cronScene } from './conductor/cron.scene.js';
import type { Launch } from './conductor/fleet.js';
import { migrationScene } from './conductor/migration.scene.js';
import { orderScene } from './conductor/order.scene.js';
import { printConclusion, printResult } from './conductor/print.js';
import { perform } from './conductor/scene.js';
import { buildStage } from './conductor/stage.js';

const REPLICAS: Parameters<Launch>[] = [
  ['first', 1],
  ['first', 2],
  ['second', 1],
  ['second', 2],
  ['second', 3],
];

const building = buildStage(process.env);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(`\n${signal}: cleaning up; what fails from now on was cut off`);
    Logger.overrideLogger(false);
    const struck = building.then((stage) => stage.strike());
    void struck.finally(() => process.exit(128 + constants.signals[signal]));
  });
}

const stage = await building;
try {
  console.log(`${REPLICAS.map((member) => member.join('/')).join(', ')}: ${stage.description}`);
  await stage.fleet.start(REPLICAS);
  const results = await Promise.all([migrationScene, orderScene, cronScene].map((scene) => perform(scene, stage)));
  results.forEach(printResult);
  process.exitCode = printConclusion(results.flatMap(({ verdicts }) => verdicts));
} finally {
  await stage.strike();
}
