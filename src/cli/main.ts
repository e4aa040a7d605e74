#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only
/** The command `kvmodel`. */
import { bringsCode, guardKernelLoops } from '../workers/guard.js';
import { explain } from './exit.js';
import { exit, processIo } from './io.js';
import { kvmodel } from './kvmodel.js';

const io = processIo();
// WHY: Node would end with 1, which means refuted. A user's file may leave a promise or a timer behind.
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => exit(explain(error, io)));

const argv = process.argv.slice(2);
// WHY before anything else: the kernel's modules are loaded with the command
if (bringsCode(argv)) guardKernelLoops();

// WHY not process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await kvmodel(argv, io);
