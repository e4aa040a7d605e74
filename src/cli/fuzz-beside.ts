// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel fuzz --tree PATH [--am FILE ...]`: the C code of a tree beside a campaign. */
import { resolve } from 'node:path';
import { Beside, causeInC } from '../conform/machine/beside.js';
import type { Hooks } from '../fuzz/campaign.js';
import { BESIDE } from '../fuzz/input.js';
import type { FuzzShown } from '../report/fuzz-text.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { Io } from './io.js';

export interface BesideSpec {
  /** the installed one when absent */
  tree?: string;
  /** mailboxes and patches, in their order */
  am?: readonly string[];
}

export interface OpenBeside {
  /** what the campaign is about: as it was named, or the release that the tree is */
  target: string;
  holding(kernel: Kernel): NonNullable<Hooks['beside']>;
  held(): NonNullable<FuzzShown['beside']>;
  close(): Promise<void>;
}

/** Applies the patches and builds the tree. NativeError where that cannot be done. */
export async function openBeside(
  { tree: path, am = [] }: BesideSpec,
  target: string | undefined,
  io: Io,
): Promise<OpenBeside> {
  const { findTree } = await import('../native/find-tree.js');
  const { openMachineEngine } = await import('../native/machine-engine.js');
  const { mirroredFrom, nearestRelease } = await import('../series/registry.js');
  const base = await findTree(path === undefined ? undefined : resolve(io.cwd, path));
  const tree = am.length === 0 ? base : await patched(base, am, io);
  const dirs = am.length === 0 ? [base.dir] : [tree.dir, base.dir];
  const release = nearestRelease(base.version);
  if (!mirroredFrom(release, base.version))
    io.err(`kvmodel: the tree is ${base.version}; of the kernels that are known ${release.name} is nearest to it\n`);
  const open = async (cpus: number) => Promise.all(dirs.map((dir) => openMachineEngine({ tree: dir, cpus })));
  // what cannot be built is said before the campaign begins
  const first = await open(1);
  for (const engine of first) engine.close();
  let beside: Beside | null = null;
  return {
    target: target ?? release.name,
    holding(kernel) {
      const own = new Beside(kernel, open);
      beside = own;
      return async ({ property: _, scenario, events }, isKnown) => {
        const found = await own.hold(scenario, events, isKnown);
        if (found === null) return null;
        const { difference, original, onBase } = found;
        const { field, model, native } = difference;
        return {
          property: BESIDE,
          scenario: found.scenario,
          events: [...found.events],
          message: `${field} is ${model} in the model, ${native} in C`,
          fn: found.events.at(-1)?.ev ?? 'boot',
          onBase,
          cause: causeInC(found),
          foundAt: original,
        };
      };
    },
    held: () => ({
      tree: `${base.version}${am.length === 0 ? '' : ' with the patches'}`,
      runs: beside?.runs ?? 0,
      events: beside?.events ?? 0,
      leftOut: beside?.leftOut ?? 0,
    }),
    close: async () => beside?.close(),
  };
}

type Tree = Awaited<ReturnType<typeof import('../native/find-tree.js')['findTree']>>;

async function patched(base: Tree, am: readonly string[], io: Io): Promise<Tree> {
  const { basename } = await import('node:path');
  const { readPatch, readPatches } = await import('../loader/patches.js');
  const { readSeries } = await import('../native/mailbox.js');
  const { applySeries } = await import('../native/patch.js');
  const mails = am
    .flatMap((file) => readPatches(file, io.cwd))
    .flatMap((file) => readSeries(readPatch(file, io.cwd), basename(file)));
  const steps = await applySeries(base, mails);
  return steps.at(-1)?.tree ?? base;
}
