/** Compares our answers to mutated samples with recorded ones. */
import { existsSync, readFileSync } from 'node:fs';
import type { Answers } from './answers.js';
import { comparableAnswer, parseAnswers } from './answers.js';
import { isForUpdate, mutationsOf, pathText } from './mutations.js';
import { answerToCreate, answerToUpdate, kindOf, stored } from './replay.js';
import type { Sample } from './samples.js';

const folder = 'test/conformance/testdata/validation';

/** An answer of ours that is not the recorded one. */
export interface Difference {
  /** `create pod-sample spec.dnsPolicy empty`. */
  readonly at: string;
  readonly ours: string;
  readonly theirs: string;
}

/** Reads recorded answers; undefined where there are none. */
export function recorded(id: string, verb: 'create' | 'update'): Answers | undefined {
  const file = `${folder}/${id}.${verb}.txt`;
  return existsSync(file) ? parseAnswers(readFileSync(file, 'utf8')) : undefined;
}

/** All differences of a sample; @param verb whether mutated objects are created, or replace the sample */
export function differencesOf(sample: Sample, verb: 'create' | 'update'): Difference[] {
  const creations = recorded(sample.id, 'create');
  const answers = verb === 'create' ? creations : recorded(sample.id, 'update');
  if (creations === undefined || answers === undefined) return [];
  const kind = kindOf(sample);
  const old = stored(kind, sample.object);
  const found: Difference[] = [];
  for (const mutation of mutationsOf(sample.object, {
    metadata: true,
    more: sample.rich ? 'recorded' : undefined,
  })) {
    const field = pathText(mutation.path).replaceAll(' ', '_');
    if (verb === 'update' && !isForUpdate(mutation)) continue;
    const theirs =
      answers.get(field)?.get(mutation.name) ?? creations.get(field)?.get(mutation.name);
    if (theirs === undefined) continue;
    const body = mutation.apply();
    const change = { field, value: mutation.value };
    const ours =
      verb === 'create'
        ? answerToCreate(kind, body, change)
        : answerToUpdate(kind, old, body, change);
    if (comparableAnswer(ours) !== comparableAnswer(theirs))
      found.push({ at: `${verb} ${sample.id} ${field} ${mutation.name}`, ours, theirs });
  }
  return found;
}
