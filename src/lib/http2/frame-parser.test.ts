import { expect, test } from '@jest/globals';
import { Prng } from '../prng.js';
import { errorCode, frameType, limits } from './constants.js';
import { FrameParser } from './frame-parser.js';
import { frame } from './testkit/raw-peer.js';
import { mustEqual } from '../testkit/must-equal.js';

function collect(): { parser: FrameParser; seen: string[] } {
  const seen: string[] = [];
  const parser = new FrameParser({
    onFrame: ({ type, flags, streamId }, bytes, start, end) => {
      seen.push(`${type} ${flags} ${streamId} ${bytes.toString('hex', start, end)}`);
    },
  });
  return { parser, seen };
}

const frames = [
  frame(frameType.settings, 0, 0, [0, 3, 0, 0, 0, 9]),
  frame(frameType.headers, 5, 1, [0x82]),
  frame(frameType.data, 0, 1),
  frame(frameType.data, 1, 0x7fffffff, Buffer.alloc(40, 7)),
  frame(0xbe, 0xff, 3, [1, 2, 3]),
];
const stream = Buffer.concat(frames);
const whole = collect();
whole.parser.push(stream);

test('frames are the same however the bytes are cut', () => {
  expect(whole.seen).toHaveLength(frames.length);
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const { parser, seen } = collect();
      parser.push(stream.subarray(0, first));
      parser.push(stream.subarray(first, second));
      parser.push(stream.subarray(second));
      mustEqual(seen, whole.seen);
    }
  }
  const { parser, seen } = collect();
  for (const byte of stream) parser.push(Buffer.from([byte]));
  expect(seen).toEqual(whole.seen);
});

test('a large frame in many small pieces', () => {
  const prng = new Prng(1);
  const payload = Buffer.from(Array.from({ length: 65_536 }, () => prng.below(256)));
  const bytes = Buffer.concat([frame(frameType.data, 0, 1, payload), frames[0] as Buffer]);
  const { parser, seen } = collect();
  for (let at = 0; at < bytes.length;) {
    const length = prng.between(1, 3);
    parser.push(bytes.subarray(at, at + length));
    at += length;
  }
  expect(seen).toEqual([`0 0 1 ${payload.toString('hex')}`, whole.seen[0]]);
});

test('the reserved bit of the stream id is passed over', () => {
  const { parser, seen } = collect();
  parser.push(frame(frameType.data, 0, 0x80000001));
  expect(seen).toEqual(['0 0 1 ']);
});

test('a frame that is too long is refused by its head', () => {
  const { parser } = collect();
  parser.push(frame(frameType.data, 0, 1, [], limits.frameBytes));
  const other = collect();
  expect(() => other.parser.push(frame(frameType.data, 0, 1, [], limits.frameBytes + 1))).toThrow(
    expect.objectContaining({ code: errorCode.frameSizeError }),
  );
});

test('nothing comes after stop, not even of the same chunk', () => {
  const seen: number[] = [];
  const parser = new FrameParser({
    onFrame: ({ type }) => {
      seen.push(type);
      if (type === frameType.headers) parser.stop();
    },
  });
  parser.push(stream);
  expect(seen).toEqual([frameType.settings, frameType.headers]);
  expect(parser.rest.equals(Buffer.concat(frames.slice(2)))).toBe(true);
});
