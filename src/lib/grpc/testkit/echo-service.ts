/** For tests and measurements: a service of all four kinds whose messages are bytes. */
import type { Handlers } from '../types.js';
import { Code, GrpcError } from '../types.js';

const bytes = {
  encode: (message: Uint8Array) => ({ finish: () => message }),
  decode: (input: Uint8Array): Uint8Array => input,
};
const types = { requestType: bytes, responseType: bytes } as const;

export const EchoDefinition = {
  name: 'Echo',
  fullName: 'trireme.test.Echo',
  methods: {
    unary: { name: 'Unary', ...types, requestStream: false, responseStream: false },
    download: { name: 'Download', ...types, requestStream: false, responseStream: true },
    upload: { name: 'Upload', ...types, requestStream: true, responseStream: false },
    both: { name: 'Both', ...types, requestStream: true, responseStream: true },
  },
} as const;

/** The texts by which a request asks for something; all others come back as they are. */
export const ask = {
  hang: 'hang',
  fail: 'fail',
  metadata: 'metadata',
} as const;

/** Answers {@link ask.hang} when the caller has gone. @param onGone told then */
export function echoHandlers(
  onGone: () => void = () => undefined,
): Handlers<typeof EchoDefinition> {
  return {
    async unary(request, context) {
      const text = request.length < 100 ? Buffer.from(request).toString() : '';
      if (text === ask.hang) {
        await new Promise<void>((resolve) => {
          context.signal.addEventListener('abort', () => resolve());
        });
        onGone();
      }
      if (text === ask.fail) {
        const metadata = new Map([['reason-bin', Buffer.from([0, 255, 1])]]);
        throw new GrpcError(Code.FailedPrecondition, ' no “fail” 100%\n', { metadata });
      }
      if (text === ask.metadata) {
        context.setTrailer('trailer', 'last');
        context.setTrailer('trailer-bin', Buffer.from([1, 2, 254]));
        const fields = [...context.metadata].map(([name, value]) => [
          name,
          typeof value === 'string' ? value : value.toString('hex'),
        ]);
        return Buffer.from(JSON.stringify(Object.fromEntries(fields)));
      }
      return request;
    },
    async download(request, stream) {
      const [count = 0, size = 0] = Buffer.from(request).toString().split(' ').map(Number);
      for (let at = 0; at < count; at++) {
        if (!stream.send(Buffer.alloc(size, at))) await stream.drained();
      }
    },
    async upload(stream) {
      let total = 0;
      for await (const part of stream) total += part.length;
      return Buffer.from(String(total));
    },
    async both(stream) {
      for await (const part of stream) {
        if (Buffer.from(part).toString() === ask.fail) {
          throw new GrpcError(Code.Aborted, 'enough');
        }
        if (!stream.send(part)) await stream.drained();
      }
    },
  };
}
