// A setup file of the unit tests: whatever they call, no process starts.
import { ChildProcess } from 'node:child_process';

Object.assign(ChildProcess.prototype, {
  spawn(): never {
    throw new Error('A unit test starts no process');
  },
});
