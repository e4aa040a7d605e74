// SPDX-License-Identifier: GPL-2.0-only
/** How a user's file is compiled: by the check itself, and by the editor that reads the tsconfig.json of `kvmodel init`. */
export const COMPILER_OPTIONS = {
  target: 'ES2022',
  module: 'ESNext',
  moduleResolution: 'Bundler',
  lib: ['ES2023'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};
