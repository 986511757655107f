import { describe, expect, test } from '@jest/globals';
import { HtmlLinks, joinPath, rewriteLink } from './proxy-links.js';

const prefix = '/api/v1/namespaces/n/services/web/proxy';
const places = { prefix, hosts: ['10.1.2.3:8080', 'api.example:6443'] };

describe('a link', () => {
  // The rows of apimachinery's transport: same host or none, absolute path.
  test.each([
    ['/foo', `${prefix}/foo`],
    ['/foo/', `${prefix}/foo/`],
    ['/', `${prefix}/`],
    ['/foo?a=/b&amp;c#d', `${prefix}/foo?a=/b&amp;c#d`],
    ['/a//b/../c', `${prefix}/a/c`],
    ['http://10.1.2.3:8080/foo', `${prefix}/foo`],
    ['https://api.example:6443/foo', `${prefix}/foo`],
    ['//10.1.2.3:8080/foo', `${prefix}/foo`],
    [`${prefix}/already`, `${prefix}/already`],
    ['http://elsewhere/foo', 'http://elsewhere/foo'],
    ['//elsewhere/foo', '//elsewhere/foo'],
    ['foo', 'foo'],
    ['../foo', '../foo'],
    ['?q', '?q'],
    ['#here', '#here'],
    ['mailto:a@b', 'mailto:a@b'],
    ['http://10.1.2.3:8080', 'http://10.1.2.3:8080'],
    ['', ''],
  ])('%s becomes %s', (link, wanted) => {
    expect(rewriteLink(link, places)).toBe(wanted);
  });
});

test.each([
  [['/a/', '/b'], '/a/b'],
  [['', '/..//x/./y/'], '/x/y/'],
  [['/'], '/'],
  [['/a', '../..'], '/'],
])('the path of %j is %s', (paths, wanted) => {
  expect(joinPath(...paths)).toBe(wanted);
});

/** Rewrites in pieces of so many bytes: how a document is cut must not matter. */
function rewrite(html: string, size: number): string {
  const links = new HtmlLinks(places);
  const bytes = Buffer.from(html);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    out.push(links.push(bytes.subarray(at, at + size)));
  }
  out.push(links.end());
  return Buffer.concat(out).toString();
}

describe.each([1, 3, 7, 100_000])('a document in pieces of %d bytes', (size) => {
  test.each([
    ['<a href="/x">y</a>', `<a href="${prefix}/x">y</a>`],
    ["<A class=b HREF='/x' >y</A>", `<A class=b HREF='${prefix}/x' >y</A>`],
    ['<img src=/x.png/>', `<img src=${prefix}/x.png/>`],
    ['<img src = "/x.png" title="a > b">', `<img src = "${prefix}/x.png" title="a > b">`],
    ['<form action="http://10.1.2.3:8080/f">', `<form action="${prefix}/f">`],
    [
      '<link rel=x href="/s.css"><p href="/no">',
      `<link rel=x href="${prefix}/s.css"><p href="/no">`,
    ],
    ['<!-- <a href="/x"> --><a href="/y">', `<!-- <a href="/x"> --><a href="${prefix}/y">`],
    ['<!DOCTYPE html><base href="/">', `<!DOCTYPE html><base href="${prefix}/">`],
    [
      '<script src="/s.js">if (a<b) "<a href=\'/x\'>"</script><a href="/y">',
      `<script src="${prefix}/s.js">if (a<b) "<a href='/x'>"</script><a href="${prefix}/y">`,
    ],
    [
      '<title><a href="/x"></title >ä<a href="/ö">',
      `<title><a href="/x"></title >ä<a href="${prefix}/ö">`,
    ],
    ['1 < 2 <3 <a', '1 < 2 <3 <a'],
    ['<a href="/x', '<a href="/x'],
    ['<a href>b</a><a href="">', '<a href>b</a><a href="">'],
    ['<a title=it\'s href="/x">', `<a title=it's href="${prefix}/x">`],
  ])('%s', (html, wanted) => {
    expect(rewrite(html, size)).toBe(wanted);
  });
});

test('a tag without an end goes through, and costs no more than its length', () => {
  for (const filling of ['a', ' ', '"', "='", 'a=', '<']) {
    const html = `<a ${filling.repeat(300_000)}`;
    expect(rewrite(html, 16 * 1024)).toBe(html);
  }
});
