// SPDX-License-Identifier: GPL-2.0-only
/** The code of a user's files as it runs, by path: what one thread has compiled, others run, also when the file changes meanwhile. */
export type CompiledFiles = Readonly<Record<string, string>>;

const compiled: Record<string, string> = {};

/** What this thread has compiled. */
export const compiledFiles = (): CompiledFiles => ({ ...compiled });

export function noteCompiled(file: string, code: string): void {
  compiled[file] = code;
}
