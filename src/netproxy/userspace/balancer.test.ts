import { describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../model/service-model.js';
import { Balancer } from './balancer.js';

function endpoint(ip: string): Endpoint {
  return {
    ip,
    port: 80,
    ready: true,
    serving: true,
    terminating: false,
    local: true,
    elsewhere: false,
  };
}

const [a, b, c] = [endpoint('10.0.0.1'), endpoint('10.0.0.2'), endpoint('10.0.0.3')];

function order(balancer: Balancer, client: string, nowMs = 0): string[] {
  return balancer.order(client, nowMs).map(({ ip }) => ip);
}

describe('endpoints', () => {
  test('take turns, and each client gets the others to fall back on', () => {
    const balancer = new Balancer();
    balancer.update([a, b, c], 0);
    expect(order(balancer, 'x')).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(order(balancer, 'x')).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.1']);
    expect(order(balancer, 'y')).toEqual(['10.0.0.3', '10.0.0.1', '10.0.0.2']);
    expect(order(balancer, 'y')).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  test('none: nothing to try', () => {
    const balancer = new Balancer();
    expect(order(balancer, 'x')).toEqual([]);
    balancer.update([a], 0);
    balancer.update([], 0);
    expect(order(balancer, 'x')).toEqual([]);
  });
});

describe('affinity', () => {
  function sticky(): Balancer {
    const balancer = new Balancer();
    balancer.update([a, b, c], 60);
    balancer.served('x', b, 0);
    return balancer;
  }

  test('holds a client at who served it, for so long after the last time', () => {
    const balancer = sticky();
    expect(order(balancer, 'x', 59_999)[0]).toBe('10.0.0.2');
    balancer.served('x', b, 59_999);
    expect(order(balancer, 'x', 119_998)[0]).toBe('10.0.0.2');
    expect(order(balancer, 'x', 119_999)[0]).toBe('10.0.0.1');
  });

  test('is nobody else’s', () => {
    expect(order(sticky(), 'y', 1)[0]).toBe('10.0.0.1');
  });

  test('ends with the endpoint', () => {
    const balancer = sticky();
    balancer.update([a, c], 60);
    expect(order(balancer, 'x', 1)[0]).toBe('10.0.0.1');
    balancer.update([a, b, c], 60);
    // It is back, and the client takes turns as any other.
    expect(order(balancer, 'x', 1)[0]).toBe('10.0.0.2');
    expect(order(balancer, 'x', 1)[0]).toBe('10.0.0.3');
  });

  test('follows a fall-back', () => {
    const balancer = sticky();
    balancer.served('x', c, 1);
    expect(order(balancer, 'x', 2)[0]).toBe('10.0.0.3');
  });

  test('is off unless asked for', () => {
    const balancer = new Balancer();
    balancer.update([a, b], 0);
    balancer.served('x', b, 0);
    expect(order(balancer, 'x', 1)[0]).toBe('10.0.0.1');
  });

  test('remembers 10,000 clients, and forgets the one that was quiet longest', () => {
    const balancer = new Balancer();
    balancer.update([a, b], 60);
    for (let client = 0; client < 10_001; client++) balancer.served(`c${client}`, b, 0);
    // Turns begin with the first: whoever gets the second is remembered.
    expect(order(balancer, 'c0', 1)[0]).toBe('10.0.0.1');
    expect(order(balancer, 'c1', 1)[0]).toBe('10.0.0.2');
    expect(order(balancer, 'c10000', 1)[0]).toBe('10.0.0.2');
  });
});
