import { describe, expect, test } from '@jest/globals';
import { formatRoute, parseRoute, withQuery } from './route.js';

describe('an address', () => {
  test('names a page, what is on it, and what is chosen', () => {
    const address = formatRoute('pods', ['default', 'web-1'], { tab: 'logs', ns: '' });
    expect(address).toBe('#/pods/default/web-1?tab=logs');
    const { page, names, query } = parseRoute(address);
    expect({ page, names, query: Object.fromEntries(query) }).toEqual({
      page: 'pods',
      names: ['default', 'web-1'],
      query: { tab: 'logs' },
    });
  });

  test('comes back as it was, whatever is in the names', () => {
    const names = ['a/b', 'ü?#&', '100%'];
    const route = parseRoute(formatRoute('x', names, { search: 'a=b&c #?' }));
    expect(route.names).toEqual(names);
    expect(route.query.get('search')).toBe('a=b&c #?');
  });

  test('takes more into its query, and keeps the rest', () => {
    expect(withQuery('#/pods/a/b%2Fc?ns=x&tab=logs', { tab: 'history', at: '7' })).toBe(
      '#/pods/a/b%2Fc?ns=x&tab=history&at=7',
    );
  });

  test('that names nothing, or cannot be read, is the first page', () => {
    for (const hash of ['', '#', '#/', '#/%', '#?x=1']) {
      expect(parseRoute(hash)).toMatchObject({ page: 'cluster', names: [] });
    }
  });
});
