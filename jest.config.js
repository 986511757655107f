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
};
