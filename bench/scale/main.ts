/**
 * The whole control plane under load, this build's beside another's, in one run:
 *
 *     node dist/bench/scale/main.js [--peer DIR] [--rounds 3] [--nodes 100] [--pods 1000,3000] [--deployment 1000]
 *       [--writes 0] [--watchers 0] [--profile DIR] [--node-flags TEXT]
 *
 * DIR is a built checkout. A round starts a new master on loopback ports, gives it hollow nodes, creates pods over REST
 * and by a Deployment, reads and lists them in between, and stops it; rounds alternate between the two builds, and
 * which goes first. Prints each figure's median for both, and the median of the rounds' ratios. CPU time, of the
 * process with all its threads, is the steady figure where others use the machine; times are worth only their ratio.
 * The nodes run in this process, so that their work is not counted. `--profile` leaves there a CPU profile of each
 * thread of this build, for `dist/bench/lib/profile.js`; `--node-flags` are for this build only, too.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MasterProcess } from '../lib/master-process.js';
import { median } from '../lib/stats.js';
import type { Figures, LoadOptions } from './load.js';
import { Load } from './load.js';

const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    nodes: { type: 'string', default: '100' },
    pods: { type: 'string', default: '1000,3000' },
    deployment: { type: 'string', default: '1000' },
    writes: { type: 'string', default: '0' },
    watchers: { type: 'string', default: '0' },
    profile: { type: 'string' },
    'node-flags': { type: 'string', default: '' },
  },
});
const options: LoadOptions = {
  nodes: Number(values.nodes),
  pods: values.pods
    .split(',')
    .map(Number)
    .filter((count) => count > 0),
  deployment: Number(values.deployment),
  writes: Number(values.writes),
  watchers: Number(values.watchers),
};

async function measure({ directory, nodeFlags }: Side): Promise<Figures> {
  const master = await MasterProcess.start(directory, nodeFlags);
  const load = new Load(master, options);
  try {
    return await load.run();
  } catch (error) {
    throw new Error(`the master said: ${master.log}`, { cause: error });
  } finally {
    load.close();
    await master.stop();
  }
}

interface Side {
  readonly directory: string;
  readonly nodeFlags: readonly string[];
  readonly rounds: Figures[];
}

const here: Side = {
  directory: fileURLToPath(new URL('../../..', import.meta.url)),
  nodeFlags: [
    ...values['node-flags'].split(' ').filter((word) => word !== ''),
    ...(values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]),
  ],
  rounds: [],
};
const sides = [here];
if (values.peer !== undefined) sides.push({ directory: values.peer, nodeFlags: [], rounds: [] });
for (let round = 0; round < Number(values.rounds); round++) {
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
    side.rounds.push(await measure(side));
    console.error(`round ${round} of ${side.directory}: ${JSON.stringify(side.rounds.at(-1))}`);
  }
}
const peer = sides[1];
console.log(`${''.padEnd(40)} ${'here'.padStart(9)} ${'peer'.padStart(9)}  ratio`);
for (const name of Object.keys(here.rounds[0] ?? {})) {
  const of = (side: Side | undefined): readonly number[] =>
    (side?.rounds ?? []).map((each) => each[name] ?? Number.NaN);
  const ratios = of(peer).map((value, at) => (of(here)[at] ?? Number.NaN) / value);
  const cells = [here, peer].map((side) => median(of(side)).toFixed(2).padStart(9));
  console.log(`${name.padEnd(40)} ${cells.join(' ')}  ${median(ratios).toFixed(2)}`);
}
