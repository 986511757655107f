import { describe, expect, it } from '@jest/globals';
import { ListChunk, WatchBatch, WatchEventType } from '../../../gen/apiserver.js';
import { encodeListChunk, encodeWatchBatch } from './object-messages.js';

const lengths = [0, 1, 126, 127, 128, 129, 16_383, 16_384, 300_000];
const objects = lengths.map((length) => Buffer.alloc(length, 7));

describe('messages that carry many objects', () => {
  const chunks: readonly ListChunk[] = [
    { objects: [], resourceVersion: '', continue: '' },
    { objects: [], resourceVersion: '12', continue: 'a'.repeat(200) },
    { objects, resourceVersion: '', continue: '' },
    { objects, resourceVersion: '9007199254740991', continue: 'ü€😀' },
  ];

  it.each(chunks)('a chunk of a list is what the generated encoder makes', (chunk) => {
    const bytes = Buffer.concat(encodeListChunk(chunk));
    expect(bytes.equals(ListChunk.encode(chunk).finish())).toBe(true);
  });

  it('a batch of a watch says what the generated encoder says', () => {
    const types = Object.values(WatchEventType).filter((type) => typeof type === 'number');
    const events = types.flatMap((type) =>
      objects.map((object) => ({ type, object, resourceVersion: String(object.length || '') })),
    );
    for (const some of [[], events.slice(0, 1), events]) {
      const decoded = WatchBatch.decode(Buffer.concat(encodeWatchBatch(some)));
      const wanted = WatchBatch.decode(WatchBatch.encode({ events: some }).finish());
      expect(decoded).toEqual(wanted);
    }
  });

  it('the bytes of an object are not copied', () => {
    const chunk = encodeListChunk({ objects, resourceVersion: '1', continue: '' });
    const events = objects.map((object) => ({
      type: WatchEventType.MODIFIED,
      object,
      resourceVersion: '1',
    }));
    const batch = encodeWatchBatch(events);
    for (const object of objects) {
      expect(chunk.includes(object)).toBe(true);
      expect(batch.includes(object)).toBe(true);
    }
  });
});
