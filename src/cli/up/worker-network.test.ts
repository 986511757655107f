import { afterEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { isAlive, programPath } from '../home.js';
import { knowsNetproxy, networkAnswers } from './worker-network.js';

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'worker-network-'));
  folders.push(made);
  return made;
};
afterEach(() => folders.splice(0).forEach((made) => rmSync(made, { recursive: true })));

test('a build shows by its flags whether it has the network apart from the agent', async () => {
  const path = join(folder(), 'trireme');
  expect(await knowsNetproxy(programPath)).toBe(true);
  expect(await knowsNetproxy(path)).toBe(false);
  writeFileSync(path, `console.log('  --node-name <name>')`);
  expect(await knowsNetproxy(path)).toBe(false);
  writeFileSync(
    path,
    `if (process.argv[2] === 'worker') console.log('  --proxy-in-process  words')`,
  );
  expect(await knowsNetproxy(path)).toBe(true);
});

test("an agent that has the id of its network's former process is not taken for it", async () => {
  const path = join(folder(), 'trireme');
  writeFileSync(path, `console.log('runs'); setInterval(() => undefined, 1000);`);
  const children = ['worker', 'netproxy'].map((command) =>
    spawn(process.execPath, [path, command, '--data-dir=/d'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  await Promise.all(
    children.map(({ stdout }) => new Promise<void>((done) => stdout.once('data', () => done()))),
  );
  const [agent = 0, network = 0] = children.map(({ pid }) => pid);
  expect([isAlive(agent, '/d'), isAlive(agent, '/d', 'netproxy')]).toEqual([true, false]);
  expect([isAlive(network, '/d'), isAlive(network, '/d', 'netproxy')]).toEqual([false, true]);
  expect(isAlive(network, '/e', 'netproxy')).toBe(false);
  for (const child of children) child.kill();
});

test('a network answers while it listens, not by what one that was killed has left', async () => {
  const dataDir = folder();
  expect(await networkAnswers(dataDir)).toBe(false);
  await mkdir(join(dataDir, 'netproxy'));
  const path = join(dataDir, 'netproxy', 'agent.sock');
  const server = createServer();
  await new Promise<void>((done) => server.listen({ path }, done));
  expect(await networkAnswers(dataDir)).toBe(true);
  await new Promise<void>((done) => server.close(() => done()));
  expect(await networkAnswers(dataDir)).toBe(false);
  writeFileSync(path, '');
  expect(await networkAnswers(dataDir)).toBe(false);
});
