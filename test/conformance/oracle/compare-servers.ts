/**
 * Holds whole answers against those of Kubernetes: `node dist/test/conformance/oracle/compare-servers.js THEIRS OURS
 * [REGEXP]`, where both are administrators' kubeconfigs as JSON. Rich samples and their mutations are created and
 * updated with dry run at both; what differs in codes, texts, objects and warnings is printed, each text once.
 */
import type { Answer, Ask } from './client.js';
import { connectByFile } from './client.js';
import { isForUpdate, mutationsOf, pathText } from './mutations.js';
import type { Mutation } from './mutations.js';
import { collectionOf, remove, settled, withVersion } from './requests.js';
import type { Sample } from './samples.js';
import { readSamples } from './samples.js';
import { wholeAnswer } from './whole-answers.js';

/** Mutations that are under way at once. */
const batchSize = 16;
/** Lines of one difference that are printed. */
const linesMax = 30;

const told = new Map<string, number>();

function compare(at: string, theirs: Answer, ours: Answer, value?: unknown): void {
  const [a, b] = [wholeAnswer(theirs), wholeAnswer(ours)];
  const lines = [
    ...a.filter((line) => !b.includes(line)).map((line) => `    - ${line}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `    + ${line}`),
  ];
  if (lines.length === 0) return;
  if (theirs.code !== ours.code) {
    const short = (answer: Answer): string =>
      `${answer.code} ${answer.code < 300 ? '' : String(answer.body['message'])}`;
    lines.splice(0, lines.length, `    - ${short(theirs)}`, `    + ${short(ours)}`);
  }
  const shown = lines.slice(0, linesMax).join('\n');
  const text =
    typeof value === 'string' && value !== ''
      ? shown.replaceAll(JSON.stringify(value), '<value>').replaceAll(value, '<value>')
      : shown;
  const seen = told.get(text) ?? 0;
  told.set(text, seen + 1);
  if (seen === 0) console.log(`${at}\n${text}`);
}

/** Stands for a connection that was closed instead of an answer: its handler had a fault of its own. */
function noAnswer(): Answer {
  return { code: 500, body: {} };
}

type Change = (ask: Ask, body: unknown) => Promise<Answer>;

async function compareAll(
  asks: readonly [Ask, Ask],
  what: string,
  mutations: readonly Mutation[],
  change: readonly [Change, Change],
): Promise<void> {
  for (let start = 0; start < mutations.length; start += batchSize) {
    const batch = mutations.slice(start, start + batchSize);
    await Promise.all(
      batch.map(async (mutation) => {
        const body = mutation.apply();
        const [theirs, ours] = await Promise.all([
          change[0](asks[0], body).catch(noAnswer),
          change[1](asks[1], body).catch(noAnswer),
        ]);
        compare(
          `${what} ${pathText(mutation.path)} ${mutation.name}`,
          theirs,
          ours,
          mutation.value,
        );
      }),
    );
  }
}

async function compareSample(asks: readonly [Ask, Ask], sample: Sample): Promise<void> {
  const { object, id } = sample;
  const path = collectionOf(object);
  const mutations = mutationsOf(object, { metadata: true, more: 'live' });
  const create: Change = (ask, body) => ask('POST', `${path}?dryRun=All`, { body });
  await compareAll(asks, `create ${id}`, mutations, [create, create]);
  const [theirs, ours] = await Promise.all(asks.map((ask) => ask('POST', path, { body: object })));
  if (theirs?.code !== 201 || ours?.code !== 201) {
    console.log(`${id}: not created`, theirs?.body['message'], ours?.body['message']);
    await Promise.all(asks.map((ask) => remove(ask, object)));
    return;
  }
  compare(`create ${id}`, theirs, ours);
  const { name = '' } = object.metadata;
  const whole = `${path}/${encodeURIComponent(name)}`;
  const stored = await Promise.all(asks.map((ask) => settled(ask, whole)));
  const put = (query: string): readonly [Change, Change] => {
    const [first, second] = stored.map(
      (old): Change =>
        (ask, body) =>
          ask('PUT', `${whole}${query}`, { body: withVersion(body, old) }),
    );
    if (first === undefined || second === undefined) throw new Error('two servers are compared');
    return [first, second];
  };
  await compareAll(asks, `update ${id}`, mutations.filter(isForUpdate), put('?dryRun=All'));
  if ('status' in object) {
    const status = mutationsOf(object, { metadata: false, more: 'live', status: true });
    await compareAll(asks, `status ${id}`, status, put('/status?dryRun=All'));
  }
  await Promise.all(asks.map((ask) => remove(ask, object)));
}

const [theirFile = '', ourFile = '', pattern = ''] = process.argv.slice(2);
const asks = [connectByFile(theirFile), connectByFile(ourFile)] as const;
for (const sample of readSamples().filter(({ rich }) => rich)) {
  if (new RegExp(pattern).test(sample.id)) await compareSample(asks, sample);
}
for (const [text, count] of told) if (count > 1) console.log(`${count} times\n${text}`);
process.exit(0);
