// SPDX-License-Identifier: GPL-2.0-only
/** The TypeScript compiler. */
import { createRequire } from 'node:module';
import type ts from 'typescript';

/** WHY require: of a module without a `type` Node's ES loader compiles all 9 MB twice more, to learn of what kind it is. */
export const compiler: typeof ts = createRequire(import.meta.url)('typescript');
