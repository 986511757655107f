/**
 * `node dist/test/robustness/faulty-member.js MISTAKE|none COMMANDS FLAGS…`: the program `trireme etcd` with those
 * flags, whole and real, which makes a known mistake and takes orders (`member-control.ts`) by its channel to the
 * process that started it. COMMANDS: a JSON list of orders that hold from the start on.
 */
import { runEtcdCommand } from '../../src/etcd/cmd/run.js';
import { lossyDisk } from './lossy-disk.js';
import type { DiskMood } from './lossy-disk.js';
import { MemberControl } from './member-control.js';
import type { Command } from './member-control.js';
import { faultyNode, mistakes, putMistakeIn } from './mistakes.js';
import type { MistakeState } from './mistakes.js';

const [name = 'none', first = '[]', ...flags] = process.argv.slice(2);
const mistake = mistakes.find((each) => each === name);
if (mistake === undefined && name !== 'none') throw new Error(`there is no mistake ${name}`);
const disk: DiskMood = { lossy: false, lying: false, syncDelayMs: 0 };
const state: MistakeState = { mistake, armed: false, disk };
let control: MemberControl | undefined;

// Without the process that gives the orders there is nothing to do here.
process.on('disconnect', () => process.exit(1));
process.on('message', (message: { readonly id: number; readonly command: Command }) => {
  const report = control?.obey(message.command);
  process.send?.({ id: message.id, report });
});

const code = await runEtcdCommand(flags, {
  machine: { disk: lossyDisk(disk), newNode: (config) => faultyNode(config, state) },
  assembled: (server) => {
    // Inside of the mistake, so that a death comes after the mistake was made.
    control = new MemberControl(server, state);
    putMistakeIn(server, state);
    for (const command of JSON.parse(first) as Command[]) control.carryOut(command);
  },
});
process.exit(code);
