import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import { ownWritesMax } from '../limits.js';
import { encodeStored } from '../storage/codec.js';
import { OwnWrites } from './own-writes.js';

const getters = { 'spec.nodeName': (object: KubeObject) => nodeOf(object) };

function nodeOf(object: KubeObject): string {
  return (object as KubeObject & { spec?: { nodeName?: string } }).spec?.nodeName ?? '';
}

function pod(name: string, node = 'n1'): KubeObject {
  const metadata = { name, namespace: 'ns', labels: { app: 'web' } };
  return { kind: 'Pod', apiVersion: 'v1', metadata, spec: { nodeName: node } } as KubeObject;
}

function announced(writes: OwnWrites, object: KubeObject) {
  const stored = encodeStored(object);
  return { stored, write: writes.announce(`ns/${object.metadata.name}`, stored, object, getters) };
}

describe('own writes', () => {
  test('the watch and the writer get one entry, whichever comes first', () => {
    const writes = new OwnWrites();
    const a = announced(writes, pod('a'));
    const heard = writes.take('ns/a', Buffer.from(a.stored), 7);
    expect(heard).toBe(a.write.entryAt(7));
    const b = announced(writes, pod('b'));
    const answered = b.write.entryAt(8);
    expect(writes.take('ns/b', Buffer.from(b.stored), 8)).toBe(answered);
    expect(answered.parse()).toEqual({
      ...pod('b'),
      metadata: { resourceVersion: '8', name: 'b', namespace: 'ns', labels: { app: 'web' } },
    });
    expect(writes.size).toBe(0);
  });

  test('labels and fields are those that were written, whatever becomes of the object', () => {
    const writes = new OwnWrites();
    const object = pod('a');
    const { write } = announced(writes, object);
    (object.metadata.labels ?? {})['app'] = 'other';
    const facts = write.entryAt(7).facts({});
    expect(facts.labels).toEqual({ app: 'web' });
    expect(facts.fields['spec.nodeName']).toBe('n1');
  });

  test('what others have written is not taken for ours, and ours is still known', () => {
    const writes = new OwnWrites();
    const { stored, write } = announced(writes, pod('a'));
    expect(writes.take('ns/a', encodeStored(pod('a', 'n2')), 7)).toBeUndefined();
    expect(writes.take('ns/a', stored, 8)).toBe(write.entryAt(8));
    expect(writes.take('ns/a', stored, 9)).toBeUndefined();
  });

  test('a write that did not happen is forgotten; it takes no later one with it', () => {
    const writes = new OwnWrites();
    const first = announced(writes, pod('a'));
    const second = announced(writes, pod('a', 'n2'));
    writes.withdraw(first.write);
    expect(writes.size).toBe(1);
    writes.withdraw(second.write);
    expect(writes.size).toBe(0);
    expect(writes.take('ns/a', second.stored, 7)).toBeUndefined();
  });

  test('a watch that brings nothing does not make it grow', () => {
    const writes = new OwnWrites();
    for (let i = 0; i <= ownWritesMax; i++) announced(writes, pod(`p${i}`));
    expect(writes.size).toBe(ownWritesMax);
    const { write } = announced(writes, pod('late'));
    expect(write.entryAt(9).name).toBe('late');
    writes.clear();
    expect(writes.size).toBe(0);
  });
});
