// SPDX-License-Identifier: GPL-2.0-only
/** What APIC test programs expect of a KVM guest, asked of the model through its line protocol, in both modes. */
import { describe, expect, it } from 'vitest';
import { BASE, Guest, MSR_APICBASE, MSR_TSC_DEADLINE, REG } from './guest-client.js';

const EN = 0x800;
const EXTD = 0x400;
const FIXED = 0x4000;
const LOGICAL = 0x800;
const NMI = 0x4400;
const SELF = 0x4_0000;
const ALLINC = 0x8_0000;
const ALL_ONES = 0xffff_ffff;
const VECTOR = 0xf1;

/** With the APIC off, or in x2APIC mode, its page is all ones, and CR8 works on its own. */
function pageIsDead(g: Guest): void {
  const cr8 = g.cr8(0);
  expect(g.mmioRead(0, REG.LVR)).toBe(ALL_ONES);
  expect(g.cr8(0)).toBe(cr8);
  g.setCr8(0, cr8 ^ 0xf);
  expect(g.cr8(0)).toBe(cr8 ^ 0xf);
  expect(g.mmioRead(0, REG.TPR)).toBe(ALL_ONES);
  g.setCr8(0, cr8);
}

const hasApic = (g: Guest): boolean => (g.cpuid(0, 1) & (1n << 9n)) !== 0n;

for (const x2apic of [false, true]) {
  const boot = (cpus = 2): Guest => new Guest(cpus, x2apic).boot(x2apic);

  describe(x2apic ? 'a guest with x2APIC' : 'a guest without x2APIC', () => {
    it('finds an APIC of a version there is', () => {
      const version = boot(1).read(0, REG.LVR) & 0xff;
      expect(version).toBeGreaterThanOrEqual(0x10);
      expect(version).toBeLessThanOrEqual(0x15);
    });

    describe('that turns its APIC off', () => {
      const off = (): Guest => {
        const g = boot(1);
        g.setMode(0, 0);
        return g;
      };

      it('has it off', () => expect(off().mode(0)).toBe('disabled'));
      it('does not see it in CPUID', () => expect(hasApic(off())).toBe(false));
      it('reads ones from its page, and has a CR8 all the same', () => pageIsDead(off()));
      it('ignores what is written to the page', () => {
        const g = off();
        g.mmioWrite(0, REG.TPR, 0x50);
        expect(g.cr8(0)).toBe(0);
      });

      const onAgain = (): Guest => {
        const g = off();
        g.setMode(0, EN);
        g.useX2apic(0, false);
        return g;
      };
      it('gets it back in xAPIC mode', () => expect(onAgain().mode(0)).toBe('xapic'));
      it('sees it in CPUID then', () => expect(hasApic(onAgain())).toBe(true));
      it('finds the version unharmed', () => {
        const before = boot(1).read(0, REG.LVR);
        expect(onAgain().mmioRead(0, REG.LVR)).toBe(before);
      });
      it('finds TPR as CR8 says', () => {
        const g = onAgain();
        expect(g.mmioRead(0, REG.TPR)).toBe(g.cr8(0) << 4);
      });
      it('sees in TPR what it writes to CR8', () => {
        const g = onAgain();
        g.setCr8(0, 0xf);
        expect(g.mmioRead(0, REG.TPR)).toBe(0xf0);
      });
    });

    if (x2apic) {
      describe('in x2APIC mode', () => {
        it('is in that mode', () => expect(boot(1).mode(0)).toBe('x2apic'));
        it('has it in CPUID', () => expect(hasApic(boot(1))).toBe(true));
        it('reads ones from the page, and has a CR8', () => pageIsDead(boot(1)));
      });

      const from = (bits: number): Guest => {
        const g = new Guest(1, true);
        if (bits === (EN | EXTD)) g.setMode(0, bits);
        if (bits === 0) g.setMode(0, 0);
        return g;
      };
      it.each([
        ['x2APIC to the invalid state', EN | EXTD, EXTD, false],
        ['x2APIC to xAPIC', EN | EXTD, EN, false],
        ['x2APIC to off', EN | EXTD, 0, true],
        ['off to the invalid state', 0, EXTD, false],
        ['off to x2APIC', 0, EN | EXTD, false],
        ['off to xAPIC', 0, EN, true],
        ['xAPIC to the invalid state', EN, EXTD, false],
        ['xAPIC to x2APIC', EN, EN | EXTD, true],
      ])('goes from %s as it may', (_, before, after, allowed) => {
        const g = from(before);
        const base = g.rdmsr(0, MSR_APICBASE);
        expect(g.setMode(0, after)).toBe(allowed);
        if (!allowed) expect(g.rdmsr(0, MSR_APICBASE)).toBe(base);
      });
    } else {
      it('cannot enter a mode that CPUID does not have', () => {
        const g = boot(1);
        expect(g.setMode(0, EN | EXTD)).toBe(false);
        expect(g.mode(0)).toBe('xapic');
      });
      it('does not find x2APIC in CPUID', () => {
        expect(boot(1).cpuid(0, 1) & (1n << 21n)).toBe(0n);
      });
    }

    it('sends itself an IPI in xAPIC mode, once', () => {
      const g = boot(1);
      g.resetApic(0);
      g.write(0, REG.SPIV, 0x1ff);
      expect(g.mode(0)).toBe('xapic');
      g.icr(0, FIXED | SELF | VECTOR, 0);
      expect(g.count(0, VECTOR)).toBe(1);
    });

    if (x2apic) {
      it('sends itself an IPI in x2APIC mode, once', () => {
        const g = boot(1);
        g.icr(0, FIXED | SELF | VECTOR, 0);
        expect(g.count(0, VECTOR)).toBe(1);
        expect(g.wrmsr(0, 0x83f, VECTOR)).toBe(true);
        expect(g.count(0, VECTOR)).toBe(2);
      });
    }

    it('reaches every CPU once by the broadcast id', () => {
      const g = boot(4);
      g.icr(0, FIXED | VECTOR, x2apic ? ALL_ONES : 0xff);
      expect([0, 1, 2, 3].map((c) => g.count(c, VECTOR))).toEqual([1, 1, 1, 1]);
    });

    it('reaches every CPU once by the shorthand', () => {
      const g = boot(4);
      g.icr(0, FIXED | ALLINC | VECTOR, 0);
      expect([0, 1, 2, 3].map((c) => g.count(c, VECTOR))).toEqual([1, 1, 1, 1]);
    });

    it('takes no NMI in the shadow of STI, and takes it behind', () => {
      // the shadow is the guest's own; what the APIC owes is that the NMI is there, once, as soon as it may come
      const g = boot(2);
      for (let round = 0; round < 50; round++) g.icr(0, NMI, 1);
      expect(g.nmis[1]).toBe(50);
    });

    it('takes two NMIs of two that come while one can wait', () => {
      const g = boot(2);
      let nested = false;
      g.onNmi = (cpu) => {
        if (nested) return;
        nested = true;
        g.icr(0, NMI, cpu);
      };
      g.icr(0, NMI, 1);
      expect(g.nmis[1]).toBe(2);
    });

    it('takes one more of ten NMIs that come in the handler', () => {
      const g = boot(2);
      let sent = false;
      g.onNmi = (cpu) => {
        if (sent) return;
        sent = true;
        for (let i = 0; i < 10; i++) g.icr(0, NMI, cpu);
      };
      g.icr(0, NMI, 1);
      expect(g.nmis[1]).toBe(2);
    });

    describe('with a timer', () => {
      const TMICT = 1_000_000;
      const timer = (lvtt: number): Guest => {
        const g = boot(1);
        g.write(0, REG.TDCR, 0xb); // by 1
        g.write(0, REG.LVTT, lvtt);
        return g;
      };

      it('has one interrupt in one-shot mode, and not before its time', () => {
        const g = timer(0x21);
        const start = g.tsc;
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, TMICT - 1000);
        expect(g.count(0, 0x21)).toBe(0);
        g.wait(0, 3000);
        expect(g.count(0, 0x21)).toBe(1);
        expect(g.tsc - start).toBeGreaterThanOrEqual(BigInt(TMICT));
        g.wait(0, 5 * TMICT);
        expect(g.count(0, 0x21)).toBe(1);
      });

      it('keeps the initial count over a change of mode', () => {
        const g = timer(0x1_0021);
        g.write(0, REG.TMICT, TMICT);
        g.write(0, REG.LVTT, 0x3_0021);
        expect(g.read(0, REG.TMICT)).toBe(TMICT);
      });

      it('counts down from the write on, in one-shot mode', () => {
        const g = timer(0x1_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, 1000);
        const count = g.read(0, REG.TMCCT);
        expect(count).toBeGreaterThan(0);
        expect(count).toBeLessThan(TMICT);
      });

      it('reaches zero and stays there', () => {
        const g = timer(0x1_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, TMICT + 10_000);
        expect(g.read(0, REG.TMCCT)).toBe(0);
        g.wait(0, TMICT);
        expect(g.read(0, REG.TMCCT)).toBe(0);
      });

      it('starts again with another initial count', () => {
        const g = timer(0x1_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, TMICT + 10_000);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, 1000);
        expect(g.read(0, REG.TMCCT)).toBeGreaterThan(0);
      });

      it('goes on counting, and does not begin anew, when it becomes periodic', () => {
        const g = timer(0x1_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, TMICT / 2);
        g.write(0, REG.LVTT, 0x3_0021);
        const count = g.read(0, REG.TMCCT);
        expect(count).toBeLessThan(TMICT / 2);
        expect(count).toBeGreaterThan(0);
      });

      it('begins at the initial count when a period is over', () => {
        const g = timer(0x3_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, TMICT + 10_000);
        const count = g.read(0, REG.TMCCT);
        expect(count).toBeGreaterThan(TMICT / 2);
        expect(count).toBeLessThan(TMICT);
      });

      it('goes on from there when it becomes one-shot in the second period', () => {
        const g = timer(0x3_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, TMICT + TMICT / 2);
        g.write(0, REG.LVTT, 0x1_0021);
        const count = g.read(0, REG.TMCCT);
        expect(count).toBeLessThan(TMICT / 2 + 10_000);
        expect(count).toBeGreaterThan(0);
        g.wait(0, TMICT);
        expect(g.read(0, REG.TMCCT)).toBe(0);
      });

      it('stays at zero when it becomes periodic after it ran out', () => {
        const g = timer(0x1_0021);
        g.write(0, REG.TMICT, TMICT);
        g.wait(0, 2 * TMICT);
        g.write(0, REG.LVTT, 0x3_0021);
        expect(g.read(0, REG.TMCCT)).toBe(0);
      });

      it('finds the deadline timer in CPUID, and is interrupted once at its deadline', () => {
        const g = timer(0x4_0000 | VECTOR);
        expect(g.cpuid(0, 1) & (1n << 24n)).not.toBe(0n);
        g.wrmsr(0, MSR_TSC_DEADLINE, g.tsc + 100n);
        g.wait(0, 1000);
        expect(g.count(0, VECTOR)).toBe(1);
      });

      it('reads zero from a deadline that has passed', () => {
        const g = timer(0x4_0000 | VECTOR);
        g.wrmsr(0, MSR_TSC_DEADLINE, g.tsc + 100n);
        g.wait(0, 1000);
        expect(g.rdmsr(0, MSR_TSC_DEADLINE)).toBe(0n);
      });

      it.each([
        [0x0, 2],
        [0x1, 4],
        [0x2, 8],
        [0x3, 16],
        [0x8, 32],
        [0x9, 64],
        [0xa, 128],
        [0xb, 1],
      ])('divides its clock by TDCR %i as the table has it', (tdcr, divisor) => {
        const g = timer(0x1_0021);
        g.write(0, REG.TDCR, tdcr);
        g.write(0, REG.TMICT, ALL_ONES);
        const start = g.tsc;
        g.wait(0, 10_000_000);
        const ticks = ALL_ONES - g.read(0, REG.TMCCT);
        expect(Math.abs((ticks * divisor) / Number(g.tsc - start) - 1)).toBeLessThan(0.05);
      });
    });

    describe('and its id', () => {
      it('has the xAPIC id that CPUID says', () => {
        const g = new Guest(2, x2apic);
        expect(g.mmioRead(1, REG.ID) >>> 24).toBe(1);
      });
      it('can write its xAPIC id, or at least may try', () => {
        const g = new Guest(2, x2apic);
        g.mmioWrite(1, REG.ID, 7 << 24);
        expect([1, 7]).toContain(g.mmioRead(1, REG.ID) >>> 24);
      });
      if (x2apic) {
        it('cannot write its x2APIC id', () => {
          const g = boot();
          expect(g.wrmsr(1, 0x802, 5)).toBe(false);
        });
        it('has an x2APIC id that is its xAPIC id, in eight bits, and that of CPUID', () => {
          const g = new Guest(2, true);
          const xapic = g.mmioRead(1, REG.ID) >>> 24;
          g.setMode(1, EN | EXTD);
          const id = g.rdmsr(1, 0x802);
          expect(Number(id) & 0xff).toBe(xapic);
          expect(id).toBe(g.cpuid(1, 0xb));
        });
      }
      it('has its first xAPIC id again after off and on', () => {
        const g = boot();
        if (!x2apic) g.mmioWrite(1, REG.ID, 9 << 24);
        g.resetApic(1);
        expect(g.mmioRead(1, REG.ID) >>> 24).toBe(1);
      });
    });

    describe('and APICBASE', () => {
      const ELSEWHERE = 0xfed4_0000;
      it('moves its APIC', () => {
        const g = new Guest(1, x2apic);
        const version = g.mmioRead(0, REG.LVR);
        expect(g.wrmsr(0, MSR_APICBASE, ELSEWHERE + EN + 0x100)).toBe(true);
        expect(g.mmioRead(0, REG.LVR, ELSEWHERE)).toBe(version);
        expect(g.mmioRead(0, REG.LVR, BASE)).toBe(ALL_ONES);
      });
      it('cannot set an address bit that there is not', () => {
        const g = new Guest(1, x2apic);
        const maxphyaddr = g.cpuid(0, 0x8000_0008) & 0xffn;
        expect(g.wrmsr(0, MSR_APICBASE, (1n << maxphyaddr) | BigInt(BASE + EN))).toBe(false);
      });
      it('cannot set a reserved low bit', () => {
        expect(new Guest(1, x2apic).wrmsr(0, MSR_APICBASE, (BASE | EN | 1) >>> 0)).toBe(false);
      });
    });

    it('gets 0 from a PV IPI far beyond its CPUs', () => {
      expect(boot(1).hypercall(0, 10, ALL_ONES, 0, ALL_ONES, 0)).toBe(0n);
    });
  });
}

describe('logical destinations in xAPIC mode', () => {
  const flat = (cpus: number): Guest => {
    const g = new Guest(cpus, false).boot(false);
    for (let c = 0; c < cpus; c++) g.write(c, REG.LDR, (1 << c) << 24);
    return g;
  };
  const clusters = (cpus: number, place: (c: number) => [number, number]): Guest => {
    const g = new Guest(cpus, false).boot(false);
    for (let c = 0; c < cpus; c++) {
      const [cluster, mask] = place(c);
      g.write(c, REG.DFR, 0x0fff_ffff);
      g.write(c, REG.LDR, ((cluster << 4) | mask) << 24);
    }
    return g;
  };

  it('flat: one target gets one IPI under every mask that has its bit, also with bits of nobody', () => {
    const g = flat(2);
    let sent = 0;
    for (let mask = 2; mask < 0xff; mask++) {
      if ((mask & 2) === 0) continue;
      g.icr(0, FIXED | LOGICAL | VECTOR, mask);
      sent++;
      expect(g.count(1, VECTOR)).toBe(sent);
    }
  });

  it('cluster: one target gets one IPI in each of the fifteen clusters', () => {
    for (let cluster = 0; cluster < 15; cluster++) {
      for (let bit = 0; bit < 4; bit++) {
        const g = clusters(2, (c) => (c === 0 ? [cluster, bit === 0 ? 2 : 1] : [cluster, 1 << bit]));
        g.icr(0, FIXED | LOGICAL | VECTOR, (cluster << 4) | (1 << bit));
        expect([g.count(0, VECTOR), g.count(1, VECTOR)]).toEqual([0, 1]);
      }
    }
  });

  it('flat: several targets get one each, also where their ids overlap', () => {
    const g = flat(3);
    g.icr(0, FIXED | LOGICAL | VECTOR, 6);
    expect([0, 1, 2].map((c) => g.count(c, VECTOR))).toEqual([0, 1, 1]);
    g.write(2, REG.LDR, 6 << 24);
    g.icr(0, FIXED | LOGICAL | VECTOR, 2);
    expect([0, 1, 2].map((c) => g.count(c, VECTOR))).toEqual([0, 2, 2]);
  });

  it('cluster: several targets get one each, also where their ids overlap', () => {
    const g = clusters(3, (c) => [3, 1 << c]);
    g.icr(0, FIXED | LOGICAL | VECTOR, 0x36);
    expect([0, 1, 2].map((c) => g.count(c, VECTOR))).toEqual([0, 1, 1]);
    g.write(2, REG.LDR, 0x36 << 24);
    g.icr(0, FIXED | LOGICAL | VECTOR, 0x32);
    expect([0, 1, 2].map((c) => g.count(c, VECTOR))).toEqual([0, 2, 2]);
  });

  it('aliased xAPIC ids: each of two CPUs with the same id gets each IPI', () => {
    const g = new Guest(2, false).boot(false);
    for (let id = 0; id < 256; id++) {
      g.write(0, REG.ID, id << 24);
      g.write(1, REG.ID, id << 24);
      g.icr(0, FIXED | VECTOR, id);
      expect([g.count(0, VECTOR), g.count(1, VECTOR)]).toEqual([id + 1, id + 1]);
    }
  });
});

describe('what is read back', () => {
  const PATTERNS = [0, 0xff, 0x4_4030, 0x8_4031, 0xc_4032, 0x4031, 0x4531, 0x4631, 0x2_0000, 0xa5a5_a5a5, 0x5a5a_5a5a];

  it('xAPIC: ICR without its busy bit, of ICR2 the high byte', () => {
    const g = new Guest(1, false).boot(false);
    for (const low of PATTERNS) {
      g.mmioWrite(0, REG.ICR2, 0xdeadbeef);
      g.mmioWrite(0, REG.ICR, (low | 0x1000) >>> 0);
      expect(g.mmioRead(0, REG.ICR)).toBe((low & ~0x1000) >>> 0);
      expect(g.mmioRead(0, REG.ICR2)).toBe(0xde00_0000);
    }
  });

  it('x2APIC: ICR whole, or #GP for what is reserved', () => {
    const g = new Guest(1, true).boot(true);
    for (const low of PATTERNS) {
      const value = (0x1234_5678n << 32n) | BigInt(low);
      const before = g.rdmsr(0, 0x830);
      const reserved = (low & 0xfff3_2000) !== 0;
      expect(g.wrmsr(0, 0x830, value)).toBe(!reserved);
      expect(g.rdmsr(0, 0x830)).toBe(reserved ? before : value & ~0x1000n);
    }
  });

  it('ESR is 0 whatever is done: vectors below 16 are taken like others', () => {
    const g = new Guest(1, false).boot(false);
    g.open[0] = false;
    g.icr(0, FIXED | SELF | 5, 0);
    expect(g.mmioRead(0, 0x200)).toBe(1 << 5);
    expect(g.mmioRead(0, REG.ESR)).toBe(0);
  });

  it('x2APIC: EOI takes any value of 32 bits, SELF_IPI no more than a vector, ESR only 0', () => {
    const g = new Guest(1, true).boot(true);
    expect(g.wrmsr(0, 0x80b, 77)).toBe(true);
    expect(g.wrmsr(0, 0x80b, 1n << 32n)).toBe(false);
    expect(g.wrmsr(0, 0x83f, 0x100)).toBe(false);
    expect(g.wrmsr(0, 0x828, 1)).toBe(false);
    expect(g.wrmsr(0, 0x828, 0)).toBe(true);
  });
});
