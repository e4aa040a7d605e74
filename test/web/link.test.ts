// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edited, type Link, linkText, readLink } from '../../src/web/link.js';

const number = fc.nat(999_999);
const anyLink: fc.Arbitrary<Link> = fc.record({
  target: fc.string(),
  kernel: fc.string(),
  against: fc.option(fc.string()),
  seed: fc.option(number),
  edits: fc.array(
    fc.oneof(
      number.map((out) => ({ out })),
      number.map((n) => ({ in: n, event: { ev: 'advance' as const, ns: n } })),
    ),
  ),
  place: fc.record({ event: number, step: number }),
  view: fc.option(fc.string()),
});

describe('a link', () => {
  it('reads as it was written', () => {
    fc.assert(
      fc.property(anyLink, (link) => {
        expect(readLink(linkText(link))).toEqual({ link, faults: [] });
      }),
    );
  });

  it('says what it cannot read, and never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void readLink(text)));
    expect(readLink('#v=2&t=a&k=b&e=x&s=%E0%A4%A&x=?&new=1')?.faults).toEqual([
      'its s cannot be read: %E0%A4%A',
      'it says new, which this page does not know',
      'it is of version 2; this page reads 1',
      'its change of events cannot be read: ?',
      'its e is no number: x',
    ]);
  });

  it('changes events in order, and says which do not fit', () => {
    const events = [1, 2, 3].map((ns) => ({ ev: 'advance' as const, ns }));
    const put = { ev: 'advance' as const, ns: 9 };
    expect(edited(events, [{ out: 0 }, { in: 2, event: put }]).events).toEqual([events[1], events[2], put]);
    expect(edited(events, [{ out: 3 }]).faults).toEqual(['it changes event 3, and the run has 3']);
  });
});
