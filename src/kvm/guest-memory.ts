// SPDX-License-Identifier: GPL-2.0-only
/**
 * A guest's memory, as far as host and guest share words in it; and virt/kvm/kvm_main.c (6.12.117): how KVM reads and writes it
 * through a gfn_to_hva_cache.
 *
 * MODEL: one slot from guest physical address 0 on, with pages that can be taken out and put back; a word is 8 bytes.
 */
import { EFAULT } from '../lib/errno.js';
import { add, and, ge, lt, not, or, shl, shr, toNumber, u64, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { kvm } from './kvm_host.js';

export interface guest_memory {
  /** bytes */
  size: number;
  /** memslots->generation */
  generation: number;
  /** page frames that no slot has */
  holes: number[];
  /** what was stored: by address, a multiple of 8; anything else reads as 0 */
  words: { gpa: number; value: u64 }[];
}

/** include/linux/kvm_types.h: struct gfn_to_hva_cache, as far as it says what is cached. `len` is 0 before it is set up. */
export interface gfn_to_hva_cache {
  gpa: u64;
  len: number;
  generation: number;
  /** kvm_is_error_hva(hva): the last initialisation failed; what was cached before is still named */
  bad: boolean;
}

/** 4 GiB without holes. */
export const newGuestMemory = (): guest_memory => ({ size: 2 ** 32, generation: 1, holes: [], words: [] });

/** What the guest's own loads see. */
export function loadWord(memory: guest_memory, gpa: number): u64 {
  return memory.words.find((it) => it.gpa === gpa)?.value ?? ZERO;
}

/** What its own stores do. */
export function storeWord(memory: guest_memory, gpa: number, value: u64): void {
  const word = memory.words.find((it) => it.gpa === gpa);
  if (word !== undefined) word.value = value;
  else memory.words.push({ gpa, value });
}

/** A byte of the word at `gpa`. */
export function storeByte(memory: guest_memory, gpa: number, byte: number, value: number): void {
  const others = and(loadWord(memory, gpa), not(shl(u64(0xff), 8 * byte)));
  storeWord(memory, gpa, or(others, shl(u64(value), 8 * byte)));
}

/** `len` bytes from any address on, the lowest first. */
export function storeBytes(memory: guest_memory, gpa: number, len: number, value: u64): void {
  for (let i = 0; i < len; i++) {
    const at = gpa + i;
    storeByte(memory, at - (at % 8), at % 8, toNumber(and(shr(value, 8 * i), u64(0xff))));
  }
}

/** ... as a number; up to 6 bytes. */
export function loadBytes(memory: guest_memory, gpa: number, len: number): number {
  let value = 0;
  for (let i = len - 1; i >= 0; i--) {
    const at = gpa + i;
    value = value * 256 + toNumber(and(shr(loadWord(memory, at - (at % 8)), 8 * (at % 8)), u64(0xff)));
  }
  return value;
}

/** The memory behind the VM's slots; null for a VM that shares none. */
export function memoryOf(this: vmlinux, kvm: kvm): guest_memory | null {
  return this.m.guest?.[kvm.id]?.memory ?? null;
}

const PAGE_SHIFT = 12;

function isBacked(memory: guest_memory, gpa: u64, len: number): boolean {
  const end = add(gpa, u64(len - 1));
  if (lt(end, gpa) || ge(end, u64(memory.size))) return false;
  const frames = [Math.floor(toNumber(gpa) / 2 ** PAGE_SHIFT), Math.floor(toNumber(end) / 2 ** PAGE_SHIFT)];
  return !frames.some((frame) => memory.holes.includes(frame));
}

/** virt/kvm/kvm_main.c: kvm_gfn_to_hva_cache_init(): 0, or -EFAULT where a page is in no slot. */
export function kvm_gfn_to_hva_cache_init(
  this: vmlinux,
  kvm: kvm,
  ghc: gfn_to_hva_cache,
  gpa: u64,
  len: number,
): number {
  const memory = this.memoryOf(kvm);
  ghc.bad = memory === null || !isBacked(memory, gpa, len);
  if (memory !== null) ghc.generation = memory.generation;
  if (ghc.bad) return -EFAULT;
  ghc.gpa = gpa;
  ghc.len = len;
  return 0;
}

/** virt/kvm/kvm_main.c: kvm_read_guest_offset_cached(), of a word: null for -EFAULT. */
export function kvm_read_guest_offset_cached(
  this: vmlinux,
  kvm: kvm,
  ghc: gfn_to_hva_cache,
  offset: number,
): u64 | null {
  const memory = this.memoryOf(kvm);
  if (memory === null || ghc.len === 0) return null;
  if (ghc.generation !== memory.generation && this.kvm_gfn_to_hva_cache_init(kvm, ghc, ghc.gpa, ghc.len) !== 0)
    return null;
  if (ghc.bad) return null;
  return loadWord(memory, toNumber(ghc.gpa) + offset);
}

/** virt/kvm/kvm_main.c: kvm_write_guest_offset_cached(), of a word: 0 or -EFAULT. */
export function kvm_write_guest_offset_cached(
  this: vmlinux,
  kvm: kvm,
  ghc: gfn_to_hva_cache,
  offset: number,
  value: u64,
): number {
  const memory = this.memoryOf(kvm);
  if (memory === null || ghc.len === 0) return -EFAULT;
  if (ghc.generation !== memory.generation && this.kvm_gfn_to_hva_cache_init(kvm, ghc, ghc.gpa, ghc.len) !== 0)
    return -EFAULT;
  if (ghc.bad) return -EFAULT;
  storeWord(memory, toNumber(ghc.gpa) + offset, value);
  return 0;
}

/** virt/kvm/kvm_main.c: kvm_write_guest_cached(), of `len` bytes: 0 or -EFAULT. */
export function kvm_write_guest_cached(
  this: vmlinux,
  kvm: kvm,
  ghc: gfn_to_hva_cache,
  value: u64,
  len: number,
): number {
  const memory = this.memoryOf(kvm);
  if (memory === null || ghc.len === 0) return -EFAULT;
  if (ghc.generation !== memory.generation && this.kvm_gfn_to_hva_cache_init(kvm, ghc, ghc.gpa, ghc.len) !== 0)
    return -EFAULT;
  if (ghc.bad) return -EFAULT;
  storeBytes(memory, toNumber(ghc.gpa), len, value);
  return 0;
}

/** include/linux/kvm_host.h: kvm_put_guest(), of `len` bytes: 0 or -EFAULT. */
export function kvm_put_guest(this: vmlinux, kvm: kvm, gpa: u64, value: u64, len: number): number {
  const memory = this.memoryOf(kvm);
  // one page, that of the first byte, is looked up
  if (memory === null || !isBacked(memory, gpa, 1)) return -EFAULT;
  storeBytes(memory, toNumber(gpa), len, value);
  return 0;
}

/** Whether a slot has the page of the address, which gfn_to_hva() then finds. */
export function hasSlot(this: vmlinux, kvm: kvm, gpa: u64): boolean {
  const memory = this.memoryOf(kvm);
  return memory !== null && isBacked(memory, gpa, 1);
}
