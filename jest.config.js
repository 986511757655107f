/**
 * Tests run as compiled by `tsc`: what is tested is what ships, and there is no second compiler.
 * @type {import('jest').Config}
 */
export default {
  rootDir: 'dist',
  testEnvironment: 'node',
  testMatch: ['**/*.test.js'],
  transform: {},
  setupFilesAfterEnv: ['<rootDir>/test/jest-setup.js'],
  testTimeout: 30_000,
  maxWorkers: 2,
  // A worker keeps modules of every file that it has run, and each file's runner slows every promise of the later ones
  // (an AsyncLocalStorage that stays enabled): a new process now and then is cheaper.
  workerIdleMemoryLimit: '300MB',
};
