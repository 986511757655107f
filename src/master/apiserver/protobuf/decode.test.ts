import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from '@jest/globals';
import { decodeProtobuf } from './decode.js';

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** The envelope that Kubernetes' clients send. */
function envelope(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const meta = message((w) => w.uint32(10).string(apiVersion).uint32(18).string(kind));
  const unknown = message((w) => w.uint32(10).bytes(meta).uint32(18).bytes(raw));
  return Buffer.concat([Buffer.from('k8s\0'), unknown]);
}

describe('a protobuf body', () => {
  test('becomes the JSON value; embedded structs stand in their parent', () => {
    const name = message((w) => w.uint32(10).string('a'));
    const reference = message((w) => w.uint32(10).string('settings'));
    const key = message((w) => w.uint32(10).bytes(reference).uint32(18).string('k'));
    const source = message((w) => w.uint32(26).bytes(key));
    const variable = message((w) => w.uint32(10).string('V').uint32(26).bytes(source));
    const container = message((w) => w.uint32(10).string('c').uint32(58).bytes(variable));
    const spec = message((w) => w.uint32(18).bytes(container));
    const pod = message((w) => w.uint32(10).bytes(name).uint32(18).bytes(spec));
    expect(decodeProtobuf(envelope('v1', 'Pod', pod))).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: {
        containers: [
          {
            name: 'c',
            env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } }],
          },
        ],
      },
    });
  });

  test('that is none, or cut short, is a bad request', () => {
    const text = 'provided data does not appear to be a protobuf message';
    expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow(text);
    const whole = envelope(
      'v1',
      'Pod',
      message((w) => w.uint32(10).string('abc')),
    );
    expect(() => decodeProtobuf(whole.subarray(0, whole.length - 2))).toThrow('could not be read');
    expect(() => decodeProtobuf(envelope('v1', 'Nothing', Buffer.alloc(0)))).toThrow(
      'no kind "Nothing"',
    );
  });
});
