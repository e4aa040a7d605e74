// SPDX-License-Identifier: GPL-2.0-only
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { OUT, ROOT } from './tools/outdated.mjs';

/** What is compiled, by the path that a test imports it by. */
const COMPILED = /^(?:src|properties)[\\/].*\.js$/;

/**
 * Gives tests the modules of dist, run by node as a user's are. WHY: Vitest turns every imported name into a member that is looked up
 * at each use. The emulator takes more than twice as long so, and each test file has some hundred modules transformed for it.
 */
const compiledModules: Plugin = {
  name: 'compiled-modules',
  enforce: 'pre',
  resolveId(source, importer) {
    if (importer === undefined || !source.startsWith('.')) return null;
    const path = relative(ROOT, resolve(dirname(importer), source));
    const compiled = join(OUT, path);
    return COMPILED.test(path) && existsSync(compiled) ? { id: compiled, external: true } : null;
  },
};

export default defineConfig({
  plugins: [compiledModules],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['tools/compile-first.mjs'],
    server: { deps: { external: [/[\\/]dist[\\/](?:src|properties)[\\/]/] } },
    // WHY: one CPU fewer is the default, which leaves a machine of two half idle
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
