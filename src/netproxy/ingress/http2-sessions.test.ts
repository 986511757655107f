import { expect, test } from '@jest/globals';
import { connect, createServer } from 'node:http2';
import { systemClock } from '../../lib/clock.js';
import { portOf } from '../../lib/http2/testkit/raw-peer.js';
import { Http2Session } from './http2-sessions.js';
import { upstreamLimits } from './limits.js';

test('as many requests as an endpoint may have wait for one connection without a warning of a leak', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const http2 = connect(`http://127.0.0.1:${portOf(server)}`);
  const session = new Http2Session(http2, systemClock({ unref: true }), () => undefined);
  try {
    const { requestsPerTarget } = upstreamLimits;
    const reached = new Promise<void>((resolve) => {
      let waiting = requestsPerTarget;
      const connected = (): void => {
        if (--waiting === 0) resolve();
      };
      for (let n = 0; n < requestsPerTarget; n++) session.onConnected(connected);
    });
    expect(http2.listenerCount('connect')).toBeLessThanOrEqual(http2.getMaxListeners());
    await reached;
  } finally {
    session.destroy();
    server.close();
  }
});
