#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only
/** The command `kvmodel`. */
import { processIo } from './io.js';
import { kvmodel } from './kvmodel.js';

// WHY not process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await kvmodel(process.argv.slice(2), processIo());
