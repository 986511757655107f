import { describe, expect, test } from '@jest/globals';
import { readFrame, resizeFrame, stdinFrame } from './exec-frames.js';

function fromServer(channel: number, text: string): ReturnType<typeof readFrame> {
  const content = new TextEncoder().encode(text);
  return readFrame(new Uint8Array([channel, ...content]).buffer);
}

describe('frames of exec', () => {
  test('carry what is typed, and the size', () => {
    expect([...stdinFrame('é\r')]).toEqual([0, 0xc3, 0xa9, 13]);
    const size = resizeFrame(80, 24);
    expect(size[0]).toBe(4);
    expect(new TextDecoder().decode(size.subarray(1))).toBe('{"Width":80,"Height":24}');
  });

  test('bring the output of both streams', () => {
    for (const channel of [1, 2]) {
      const message = fromServer(channel, 'hi');
      expect(message).toMatchObject({ kind: 'output' });
      expect(message.kind === 'output' && new TextDecoder().decode(message.bytes)).toBe('hi');
    }
    expect(fromServer(255, '\u0001')).toEqual({ kind: 'other' });
    expect(readFrame(new ArrayBuffer(0))).toEqual({ kind: 'other' });
  });

  test('say how the command ended', () => {
    const failed = {
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with non-zero exit code',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    };
    const texts = [
      '{"metadata":{},"status":"Success"}',
      JSON.stringify(failed),
      '{"status":"Failure","message":"no such container"}',
      'plain words\n',
      '',
    ].map((text) => fromServer(3, text));
    expect(texts).toEqual(
      [
        'The command ended.',
        'The command ended with exit code 3.',
        'no such container',
        'plain words',
        'The command failed.',
      ].map((text) => ({ kind: 'ended', text })),
    );
  });
});
